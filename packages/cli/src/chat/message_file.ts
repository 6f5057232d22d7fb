/** Writes a conversation to a file and reads it back: a JSON list, or JSON Lines where the name ends with .jsonl. Begins no conversation. */
import { statSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type { ChatMessage } from "@aha/runtime";
import { openFileSink } from "@aha/runtime/gguf";
import type { CommandIo } from "../command.ts";
import { readTextInput } from "../terminal/text_input.ts";

/** Roles that a file may hold; templates decide which of them they know. */
const ROLES: readonly unknown[] = ["system", "user", "assistant", "tool"];

/** What a person writes for a file: `~/` is the home folder. */
export function filePath(text: string): string {
  return text.startsWith("~/") ? join(homedir(), text.slice(2)) : text;
}

/**
 * Writes the messages, whole or not at all.
 * @throws {OutputError} if the file exists and `overwrite` is off, or cannot be written
 */
export async function saveMessages(
  path: string,
  messages: readonly ChatMessage[],
  overwrite: boolean,
): Promise<void> {
  const text = path.endsWith(".jsonl")
    ? messages.map((message) => `${JSON.stringify(message)}\n`).join("")
    : `${JSON.stringify(messages, undefined, 2)}\n`;
  const sink = await openFileSink(path, { overwrite, hint: "--force replaces it" });
  try {
    await sink.write(new TextEncoder().encode(text));
    sink.commit();
  } finally {
    sink.abort();
  }
}

/**
 * Reads what `saveMessages` wrote, or the same by others: a list, an object with `messages`, or one message a line.
 * @throws {SyntaxError} naming the message that is none
 */
export async function loadMessages(path: string, io: CommandIo): Promise<readonly ChatMessage[]> {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat && !stat.isFile()) throw new SyntaxError(`Cannot load ${path}: it is no file`);
  // The terminal is where messages come from, so "-" is a name here as any other.
  const text = (await readTextInput(path === "-" ? "./-" : path, io)).replace(/^\ufeff/, "");
  const items = parsed(text, path);
  if (items.length === 0) throw new SyntaxError(`Cannot load ${path}: it holds no messages`);
  return items.map((item, i) => checkedMessage(item, `message ${i + 1} of ${path}`));
}

function parsed(text: string, path: string): readonly unknown[] {
  const whole = jsonOf(text);
  if (Array.isArray(whole)) return whole;
  const { messages } = (whole ?? {}) as { messages?: unknown };
  if (Array.isArray(messages)) return messages;
  return text.split("\n").flatMap((line, i) => {
    if (line.trim() === "") return [];
    const item = jsonOf(line);
    if (item !== undefined) return [item];
    throw new SyntaxError(`Cannot load ${path}: line ${i + 1} is not JSON`);
  });
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function checkedMessage(item: unknown, what: string): ChatMessage {
  const { role, content } = (item ?? {}) as { role?: unknown; content?: unknown };
  if (!ROLES.includes(role)) {
    const found = JSON.stringify(role) ?? "missing";
    throw new SyntaxError(
      `Cannot load ${what}: its role is ${found}, not one of ${ROLES.join(", ")}`,
    );
  }
  if (typeof content !== "string") {
    throw new SyntaxError(`Cannot load ${what}: its content is no text`);
  }
  return item as ChatMessage;
}
