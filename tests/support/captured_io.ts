/** A `CommandIo` that keeps what a command writes, for running commands inside a test. Touches no real stream. */
import { Readable } from "node:stream";
import { pipedLines } from "../../packages/cli/src/line_input/piped_lines.ts";
import type { CommandIo } from "../../packages/cli/src/command.ts";
import { main } from "../../packages/cli/src/cli.ts";

/** What a command wrote. */
export interface Captured {
  readonly code: number;
  readonly out: string;
  readonly error: string;
}

/** An io over strings; `written` grows as the command writes. */
export function capturedIo(
  stdin: string | Uint8Array = "",
): { io: CommandIo; written: { out: string; error: string } } {
  const written = { out: "", error: "" };
  const bytes = typeof stdin === "string" ? new TextEncoder().encode(stdin) : stdin;
  const io: CommandIo = {
    out: (text) => void (written.out += text),
    error: (text) => void (written.error += text),
    readStdin: () => Promise.resolve(bytes),
    openLines: () => {
      const stdin = Readable.from([bytes], { objectMode: false });
      return Promise.resolve(pipedLines(stdin, io.signal));
    },
    outIsTerminal: false,
    errorIsTerminal: false,
    columns: 80,
    signal: new AbortController().signal,
  };
  return { io, written };
}

/** Runs `aha` with these words in this process. */
export async function runAha(
  words: readonly string[],
  stdin?: string | Uint8Array,
): Promise<Captured> {
  const { io, written } = capturedIo(stdin);
  return { code: await main(words, io), ...written };
}
