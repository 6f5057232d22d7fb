/** A JSONL file of a run: a line for each object of a step, steps ascending. Knows no object's meaning. */
import { OutputError } from "@aha/runtime";
import { builtin } from "@aha/runtime/host";

/** An object of a step. */
export type StepLine = { readonly step: number } & Readonly<Record<string, unknown>>;

const NEWLINE = 10;

/** Lines are appended, each whole or not at all to who reads by `readStepLines`. */
export class StepFile {
  readonly #fs = builtin("node:fs");
  readonly #file: number;

  /**
   * Opens a file, or begins it. What stands there of steps beyond `step` is cut off, and half a line with it: a run goes on
   * from a checkpoint that is older than what was written before it was killed.
   * @throws {OutputError} if the file cannot be written
   */
  constructor(readonly path: string, step = 0) {
    this.#file = this.#attempt(() => {
      const file = this.#fs.openSync(path, "a+");
      const bytes = this.#fs.readFileSync(path);
      const kept = keptBytes(bytes, step);
      if (kept < bytes.length) this.#fs.ftruncateSync(file, kept);
      return file;
    });
  }

  /**
   * Appends lines in one write. Numbers that are not finite become null, which JSON has.
   * @throws {OutputError} if the disk is full
   */
  append(lines: readonly StepLine[]): void {
    if (lines.length === 0) return;
    const text = lines.map((line) => `${JSON.stringify(line)}\n`).join("");
    const bytes = new TextEncoder().encode(text);
    this.#attempt(() => {
      for (let at = 0; at < bytes.length;) at += this.#fs.writeSync(this.#file, bytes, at);
    });
  }

  close(): void {
    this.#fs.closeSync(this.#file);
  }

  #attempt<Result>(run: () => Result): Result {
    try {
      return run();
    } catch (error) {
      const { code, message } = error as { readonly code?: string; readonly message: string };
      const reason = code === "ENOSPC" ? "the disk is full" : message;
      throw new OutputError(`Cannot write ${this.path}: ${reason}`, this.path, { cause: error });
    }
  }
}

/** Bytes of the whole lines at the beginning whose steps are at most `step`. */
function keptBytes(bytes: Uint8Array, step: number): number {
  const decoder = new TextDecoder();
  let kept = 0;
  for (let start = 0; start < bytes.length;) {
    const end = bytes.indexOf(NEWLINE, start);
    if (end < 0) break;
    const line = parsed(decoder.decode(bytes.subarray(start, end)));
    if (!line || line.step > step) break;
    start = end + 1;
    kept = start;
  }
  return kept;
}

function parsed(text: string): StepLine | undefined {
  try {
    const value = JSON.parse(text);
    return typeof value?.step === "number" ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The lines of such a file's text; what is no whole line, at its end or elsewhere, is left out. */
export function readStepLines(text: string): StepLine[] {
  return text.split("\n").flatMap((line) => parsed(line) ?? []);
}
