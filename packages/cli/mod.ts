/** Public face of @aha/cli: run `aha` from a program, with your own streams. */
export { main } from "./src/cli.ts";
export type { Command, CommandInput, CommandIo, OptionSpec, OptionValues } from "./src/command.ts";
export type { LineEvent, LineInput, LineInputOptions } from "./src/line_input/line_input.ts";
export { terminalIo } from "./src/terminal/terminal_io.ts";
