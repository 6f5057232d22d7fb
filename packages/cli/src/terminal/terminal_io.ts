/** The real stdin, stdout and stderr as a `CommandIo`, on Deno and Node alike. Formats nothing. */
import { writeSync } from "node:fs";
import process from "node:process";
import { BrokenPipeError, type CommandIo } from "../command.ts";

/** Width assumed when the terminal doesn't tell. */
const DEFAULT_COLUMNS = 80;
/** Exit code of a program ended by Ctrl-C, by shell convention 128 + 2. */
const EXIT_INTERRUPTED = 130;

/** The process's own streams. Writes are synchronous, so nothing is lost at exit. */
export function terminalIo(): CommandIo {
  const encoder = new TextEncoder();
  let interrupt: AbortController | undefined;
  return {
    out: (text) => writeAll(1, encoder.encode(text)),
    error: (text) => writeAll(2, encoder.encode(text)),
    readStdin,
    outIsTerminal: process.stdout.isTTY === true,
    errorIsTerminal: process.stderr.isTTY === true,
    columns: process.stderr.columns || DEFAULT_COLUMNS,
    get signal(): AbortSignal {
      interrupt ??= abortOnInterrupt();
      return interrupt.signal;
    },
  };
}

/** The first Ctrl-C aborts, the second ends the process at once. */
function abortOnInterrupt(): AbortController {
  const controller = new AbortController();
  process.on("SIGINT", () => {
    if (controller.signal.aborted) process.exit(EXIT_INTERRUPTED);
    controller.abort(new Error("Interrupted"));
  });
  return controller;
}

function writeAll(descriptor: number, bytes: Uint8Array): void {
  let written = 0;
  while (written < bytes.length) {
    try {
      written += writeSync(descriptor, bytes, written);
    } catch (error) {
      const code = (error as { code?: string }).code;
      if (code === "EAGAIN") continue; // a pipe that is full for the moment
      if (code === "EPIPE") throw new BrokenPipeError("The reader of the output has gone");
      throw error;
    }
  }
}

async function readStdin(): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  const whole = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.length;
  }
  return whole;
}
