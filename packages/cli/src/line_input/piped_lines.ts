/** Lines from a pipe or a file: each as it is, without prompts. Interprets no line. */
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import type { LineEvent, LineInput } from "./line_input.ts";

/** The lines of `input`; while one is awaited, `signal` makes `read` throw its reason. */
export function pipedLines(input: Readable, signal: AbortSignal): LineInput {
  const reader = createInterface({ input, terminal: false, crlfDelay: Infinity });
  const lines = reader[Symbol.asyncIterator]();
  return {
    isTerminal: false,
    async read(): Promise<LineEvent> {
      signal.throwIfAborted();
      const aborted = Promise.withResolvers<never>();
      const abort = () => aborted.reject(signal.reason);
      signal.addEventListener("abort", abort);
      try {
        const { done, value } = await Promise.race([lines.next(), aborted.promise]);
        return done ? { type: "end" } : { type: "line", text: value };
      } finally {
        signal.removeEventListener("abort", abort);
      }
    },
    close: () => reader.close(),
  };
}
