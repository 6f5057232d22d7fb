/** What a slash command is, and how a message is told from one. Knows no command by name. */
import type { GenerationEvent } from "@aha/runtime";
import { type CommandIo, UsageError } from "../command.ts";
import type { Conversation } from "./conversation.ts";
import { nearestName } from "./nearest_name.ts";

/** What a command works with. */
export interface SlashContext {
  readonly conversation: Conversation;
  readonly io: CommandIo;
  /** Says what has been done, on a line of its own. */
  readonly notice: (text: string) => void;
  /** Shows an answer; the signal is aborted by Ctrl-C. */
  readonly answer: (
    events: (signal: AbortSignal) => AsyncGenerator<GenerationEvent>,
  ) => Promise<void>;
}

/** One command; `leave` ends the program. */
export interface SlashCommand {
  readonly name: string;
  /** What follows the name, for the help text. */
  readonly usage: string;
  readonly summary: string;
  run(argument: string, context: SlashContext): Promise<"leave" | void> | "leave" | void;
}

/** What somebody has entered. */
export type Entered =
  | { readonly type: "message"; readonly text: string }
  | { readonly type: "command"; readonly name: string; readonly argument: string };

/** `/name argument` is a command; a message that begins with a slash has two. */
export function parseEntered(text: string): Entered {
  if (text.startsWith("//")) return { type: "message", text: text.slice(1) };
  if (!text.startsWith("/")) return { type: "message", text };
  const [, name, argument] = /^\/(\S*)\s*([\s\S]*)$/.exec(text) as RegExpExecArray;
  return { type: "command", name: name.toLowerCase(), argument: argument.trim() };
}

/**
 * The command of that name.
 * @throws {UsageError} naming the nearest one
 */
export function findCommand(name: string, commands: readonly SlashCommand[]): SlashCommand {
  const found = commands.find((command) => command.name === name);
  if (found) return found;
  const near = nearestName(name, commands.map((command) => command.name));
  const hint = near ? `did you mean /${near}?` : "/help lists the commands";
  throw new UsageError(`unknown command /${name}, ${hint} (//${name} sends it as a message)`);
}
