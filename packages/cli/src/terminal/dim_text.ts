/** Dims text on terminals that can. Knows no other style. */
import process from "node:process";
import type { CommandIo } from "../command.ts";

/**
 * Text dimmed for the stdout of `io`, or as it is: on a pipe, with NO_COLOR set, on a terminal that knows no styles.
 * `isTerminal` tells of another stream than stdout.
 */
export function dimText(
  io: Pick<CommandIo, "outIsTerminal">,
  isTerminal = io.outIsTerminal,
): (text: string) => string {
  const isPlain = !isTerminal || process.env.NO_COLOR || process.env.TERM === "dumb";
  return isPlain ? (text) => text : (text) => `\x1b[2m${text}\x1b[22m`;
}
