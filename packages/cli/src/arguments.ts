/** Turns the words after a command's name into checked values and positionals. Converts no text to numbers: options.ts does. */
import { parseArgs } from "node:util";
import { type Command, type CommandInput, UsageError } from "./command.ts";

/** The parsed arguments, or the wish to see the command's help. */
export type ParsedArguments = CommandInput | "help";

/** Parses `words` for `command`; throws a `UsageError` that names what is wrong. */
export function parseArguments(command: Command, words: readonly string[]): ParsedArguments {
  const options: Record<string, { type: "string" | "boolean"; short?: string }> = {
    help: { type: "boolean", short: "h" },
  };
  for (const [name, spec] of Object.entries(command.options)) options[name] = { type: spec.type };
  const { tokens } = parseArgs({
    args: [...words],
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const values: Record<string, string | boolean | string[]> = {};
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") positionals.push(token.value);
    if (token.kind !== "option") continue;
    if (token.name === "help") return "help";
    addOption(command, token.name, token.rawName, token.value, values);
  }
  checkPositionals(command, positionals);
  return { values, positionals };
}

function addOption(
  command: Command,
  name: string,
  rawName: string,
  value: string | undefined,
  values: Record<string, string | boolean | string[]>,
): void {
  if (!Object.hasOwn(command.options, name)) {
    throw new UsageError(`unknown option ${rawName}; aha ${command.name} --help lists the options`);
  }
  const spec = command.options[name];
  if (spec.type === "boolean") {
    if (value !== undefined) {
      throw new UsageError(`${rawName} takes no value, got ${JSON.stringify(value)}`);
    }
    values[name] = true;
    return;
  }
  const isAnotherOption = value?.startsWith("--") && Object.hasOwn(command.options, value.slice(2));
  if (value === undefined || isAnotherOption) {
    throw new UsageError(`${rawName} needs a value: ${rawName} ${spec.value ?? "VALUE"}`);
  }
  if (!spec.multiple && name in values) throw new UsageError(`${rawName} was given twice`);
  values[name] = spec.multiple ? [...(values[name] as string[] ?? []), value] : value;
}

function checkPositionals(command: Command, positionals: readonly string[]): void {
  const expected = command.positionals;
  const required = expected.filter((name) => !name.startsWith("["));
  if (positionals.length < required.length) {
    const missing = required[positionals.length];
    throw new UsageError(`${command.name} needs ${missing}; usage: aha ${command.usage}`);
  }
  const isOpenEnded = expected.at(-1)?.endsWith("...]") ?? false;
  if (positionals.length > expected.length && !isOpenEnded) {
    const extra = JSON.stringify(positionals[expected.length]);
    throw new UsageError(`unexpected argument ${extra}; usage: aha ${command.usage}`);
  }
}
