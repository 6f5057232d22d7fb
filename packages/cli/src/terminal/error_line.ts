/** One line about anything thrown. Decides about no exit code. */
import { printable } from "./size_text.ts";

/** Longer messages quote something absurd from a file. */
const MAX_MESSAGE_LENGTH = 600;

/** The message of anything thrown, on one line and fit for a terminal: it may quote names from a file. */
export function errorLine(error: unknown): string {
  const text = error instanceof Error ? error.message || error.name : String(error);
  const line = printable(text.replace(/\s*\n\s*/g, " ").trim());
  return line.length > MAX_MESSAGE_LENGTH ? `${line.slice(0, MAX_MESSAGE_LENGTH - 1)}…` : line;
}
