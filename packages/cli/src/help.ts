/** Writes the help texts from the table of commands and their options. Prints nothing itself. */
import type { Command, OptionSpec } from "./command.ts";
import type { RegisteredCommand } from "./registry.ts";

/** The text of `aha --help`. */
export function generalHelp(commands: readonly RegisteredCommand[]): string {
  const rows = commands.map(({ name, summary, load }): [string, string] => [
    name,
    load ? summary : `${summary} (not built yet)`,
  ]);
  return [
    "aha: run, serve and train open reasoning models",
    "",
    "Usage: aha COMMAND [arguments]",
    "",
    ...table(rows),
    "",
    "MODEL is a GGUF file, a URL, hf:ORG/REPO/FILE.gguf or a name such as nano or smollm2-135m.",
    "aha COMMAND --help tells more about one command; aha --version prints the version.",
    "",
  ].join("\n");
}

/** The text of `aha COMMAND --help`. */
export function commandHelp(command: Command, summary: string): string {
  const rows = Object.entries(command.options).map(([name, spec]): [string, string] => [
    spec.type === "string" ? `--${name} ${spec.value ?? "VALUE"}` : `--${name}`,
    optionHelp(spec),
  ]);
  rows.push(["--help", "print this text"]);
  const details = command.details ? ["", command.details.trim()] : [];
  return [`aha ${command.name}: ${summary}`, "", `Usage: aha ${command.usage}`, ...details, ""]
    .concat(table(rows), "").join("\n");
}

function optionHelp(spec: OptionSpec): string {
  return spec.help + (spec.multiple ? " (may be repeated)" : "");
}

function table(rows: readonly [string, string][]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}
