/** The real stdin, stdout and stderr as a `CommandIo`, on Deno and Node alike. Formats nothing. */
import { writeSync } from "node:fs";
import process from "node:process";
import { BrokenPipeError, type CommandIo } from "../command.ts";
import type { LineInput, LineInputOptions } from "../line_input/line_input.ts";
import { Interrupts } from "./interrupts.ts";

/** Width assumed when the terminal doesn't tell. */
const DEFAULT_COLUMNS = 80;

/** The process's own streams. Writes are synchronous, so nothing is lost at exit. */
export function terminalIo(): CommandIo {
  const encoder = new TextEncoder();
  const interrupts = new Interrupts();
  return {
    out: (text) => writeAll(1, encoder.encode(text)),
    error: (text) => writeAll(2, encoder.encode(text)),
    readStdin,
    openLines: (options = {}) => openLines(options, interrupts),
    outIsTerminal: process.stdout.isTTY === true,
    errorIsTerminal: process.stderr.isTTY === true,
    get columns(): number {
      return process.stderr.columns || DEFAULT_COLUMNS;
    },
    get rows(): number | undefined {
      return process.stderr.rows || undefined;
    },
    get signal(): AbortSignal {
      return interrupts.signal;
    },
  };
}

/** A terminal gets the line editor, unless its answers go elsewhere. */
async function openLines(options: LineInputOptions, interrupts: Interrupts): Promise<LineInput> {
  if (process.stdin.isTTY !== true || process.stdout.isTTY !== true) {
    const { pipedLines } = await import("../line_input/piped_lines.ts");
    return pipedLines(process.stdin, interrupts.signal);
  }
  const { LineEditor } = await import("../line_input/line_editor.ts");
  const editor = new LineEditor(process.stdin, process.stdout, options);
  interrupts.take(() => editor.interrupt(), () => editor.close());
  return {
    isTerminal: true,
    read: (prompt) => editor.read(prompt),
    close() {
      interrupts.release();
      editor.close();
    },
  };
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
