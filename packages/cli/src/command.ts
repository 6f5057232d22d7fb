/** What one command of `aha` is: its name, options and run function, and the way it talks. Parses no arguments. */

import type { LineInput, LineInputOptions } from "./line_input/line_input.ts";

/** One `--name` of a command. */
export interface OptionSpec {
  readonly type: "string" | "boolean";
  /** Placeholder in the help text, such as `N` or `FILE`; strings only. */
  readonly value?: string;
  /** One line for the help text, no period. */
  readonly help: string;
  /** May be given several times; strings only. */
  readonly multiple?: boolean;
}

/** Values by option name: undefined when not given, a list where `multiple` is set. */
export type OptionValues = Readonly<
  Record<string, string | boolean | readonly string[] | undefined>
>;

/** The arguments of one call, checked against the command's `positionals` and `options`. */
export interface CommandInput {
  readonly values: OptionValues;
  readonly positionals: readonly string[];
}

/** How a command reads and writes; tests give their own. */
export interface CommandIo {
  /** Writes to stdout as it is; throws `BrokenPipeError` when the reader has gone. */
  out(text: string): void;
  /** Writes to stderr as it is. */
  error(text: string): void;
  /** Everything that stdin holds. */
  readStdin(): Promise<Uint8Array>;
  /** Begins to read stdin line by line. */
  openLines(options?: LineInputOptions): Promise<LineInput>;
  readonly outIsTerminal: boolean;
  /** Progress bars are drawn on stderr, and only when this is true. */
  readonly errorIsTerminal: boolean;
  /** Width of the terminal in characters, as it is now. */
  readonly columns: number;
  /** Its height, where it tells. */
  readonly rows?: number;
  /** Aborted by the first Ctrl-C once somebody has asked for it, but not while a terminal's lines are open. */
  readonly signal: AbortSignal;
}

/** One command; its file `src/commands/<name>.ts` exports it as `command`. */
export interface Command {
  readonly name: string;
  /** What follows `aha` in the usage line: `detokenize MODEL --ids 1,2,3`. */
  readonly usage: string;
  /** More lines for the help text: what the command prints, and examples. */
  readonly details?: string;
  /** Names of the positional arguments in order; `[NAME]` may be left out, of `[NAME...]` there may be many. */
  readonly positionals: readonly string[];
  /** Options apart from `--help`, which every command has. */
  readonly options: Readonly<Record<string, OptionSpec>>;
  /** Does the work; the result is the exit code. Throws `UsageError` (exit 2) or any other error (exit 1). */
  run(input: CommandInput, io: CommandIo): Promise<number>;
}

/** The command line itself is wrong: exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Nobody reads stdout any more: the command ends quietly. */
export class BrokenPipeError extends Error {
  override readonly name = "BrokenPipeError";
}
