/** The slash commands of `aha chat`. Each does one thing to the conversation; none reads input. */
import { UsageError } from "../command.ts";
import { printable } from "../terminal/size_text.ts";
import { filePath, loadMessages, saveMessages } from "./message_file.ts";
import { expectAdapters } from "../model_options.ts";
import { settingNames, settingText, withSetting } from "./settings.ts";
import type { SlashCommand, SlashContext } from "./slash_command.ts";
import { statistics } from "./statistics.ts";

/** Takes a system message away. */
const NO_SYSTEM = "none";

/** All commands, in the order of `/help`. */
export const slashCommands: readonly SlashCommand[] = [
  { name: "help", usage: "", summary: "print this text", run: help },
  { name: "reset", usage: "", summary: "forget the conversation", run: reset },
  {
    name: "think",
    usage: "on|off|N|auto",
    summary: "think or not, end a thought after N tokens, or as the model does",
    run: think,
  },
  {
    name: "system",
    usage: "[TEXT|none]",
    summary: "show the system message, or begin anew with another or none",
    run: system,
  },
  { name: "stats", usage: "", summary: "speed, context, memory, seed", run: stats },
  {
    name: "set",
    usage: "[NAME [VALUE|auto]]",
    summary: "show or change temperature, seed, max-tokens and others",
    run: set,
  },
  { name: "retry", usage: "", summary: "answer the last message again", run: retry },
  {
    name: "save",
    usage: "FILE [--force]",
    summary: "write the messages as JSON, or as JSON Lines (.jsonl)",
    run: save,
  },
  { name: "load", usage: "FILE", summary: "go on with the messages of a file", run: load },
  { name: "bye", usage: "", summary: "leave; /exit, /quit and Ctrl-D too", run: () => "leave" },
];

/** Other names of commands, which `/help` does not list. */
export const slashAliases: readonly SlashCommand[] = ["exit", "quit"]
  .map((name) => ({ name, usage: "", summary: "leave", run: () => "leave" }));

function help(_argument: string, { io }: SlashContext): void {
  const rows = slashCommands.map(({ name, usage, summary }) => [`/${name} ${usage}`, summary]);
  const width = Math.max(...rows.map(([left]) => left.length));
  const lines = rows.map(([left, right]) => `${left.padEnd(width)}  ${right}`);
  lines.push(
    "A line that ends with \\ goes on in the next one; pasted text and Alt-Enter stay one message.",
    "A message that begins with a slash takes two. Ctrl-C stops an answer.",
  );
  io.out(`${lines.join("\n")}\n`);
}

function reset(_argument: string, { conversation, notice }: SlashContext): void {
  const { system } = conversation;
  conversation.begin(system === undefined ? [] : [{ role: "system", content: system }]);
  notice(
    `the conversation is forgotten${system === undefined ? "" : ", the system message stays"}`,
  );
}

function think(argument: string, { conversation, notice }: SlashContext): void {
  if (argument !== "") {
    conversation.settings = withSetting(conversation.settings, "think", argument, "/think");
  }
  notice(`think ${settingText(conversation.settings, "think")}`);
}

function system(argument: string, { conversation, notice, io }: SlashContext): void {
  if (argument === "") {
    if (conversation.system === undefined) notice("there is no system message");
    else io.out(`${io.outIsTerminal ? printable(conversation.system) : conversation.system}\n`);
    return;
  }
  const isNone = argument === NO_SYSTEM;
  conversation.begin(isNone ? [] : [{ role: "system", content: argument }]);
  notice(`${isNone ? "no" : "new"} system message; the conversation begins anew`);
}

function stats(_argument: string, { conversation, io }: SlashContext): void {
  io.out(statistics(conversation));
}

function set(argument: string, { conversation, notice, io }: SlashContext): void {
  const [, name, value] = /^(\S*)\s*([\s\S]*)$/.exec(argument) as RegExpExecArray;
  const show = (name: string) => `${name} ${settingText(conversation.settings, name)}`;
  if (name === "") {
    io.out(settingNames.map((name) => `${show(name)}\n`).join(""));
    return;
  }
  const changed = withSetting(conversation.settings, name, value || "auto", `/set ${name}`);
  expectAdapters(conversation.model, changed, `/set ${name}`);
  if (value !== "") conversation.settings = changed;
  notice(show(name));
}

async function retry(_argument: string, { conversation, answer }: SlashContext): Promise<void> {
  await answer((signal) => conversation.retry(signal));
}

async function save(argument: string, { conversation, notice }: SlashContext): Promise<void> {
  const isForced = /(^|\s)--force$/.test(argument);
  const path = filePath(argument.replace(/(^|\s+)--force$/, ""));
  if (path === "") throw new UsageError("/save needs a file: /save FILE [--force]");
  const { messages } = conversation;
  if (messages.length === 0) throw new UsageError("there are no messages to save");
  await saveMessages(path, messages, isForced);
  notice(`${messages.length} messages in ${printable(path)}`);
}

async function load(argument: string, { conversation, notice, io }: SlashContext): Promise<void> {
  const path = filePath(argument);
  if (path === "") throw new UsageError("/load needs a file: /load FILE");
  const messages = await loadMessages(path, io);
  conversation.begin(messages);
  notice(`${messages.length} messages from ${printable(path)}`);
}
