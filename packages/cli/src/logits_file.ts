/** Writes logits to a safetensors file as they come, row by row: nothing is held in memory. Reads none. */
import { closeSync, openSync, renameSync, rmSync, statSync, writeSync } from "node:fs";

/** Writes bytes from `offset` on, as `fs.writeSync` does; tests give one that fails. */
export type WriteBytes = (file: number, bytes: Uint8Array, offset: number) => number;

/** F32 tensors `logits.0`, `logits.1`, ... of known shapes, appended in order. Disposing it unfinished removes the file. */
export class LogitsFile {
  readonly #path: string;
  /** What is written to: a part file, or the path itself where that is a device or a pipe. */
  readonly #partPath: string;
  #descriptor: number | undefined;

  /** @throws an error in one line if the file cannot be made. */
  constructor(
    path: string,
    shapes: readonly (readonly [rows: number, vocabulary: number])[],
    private readonly write: WriteBytes = writeSync,
  ) {
    this.#path = path;
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat?.isDirectory()) throw new Error(`Cannot write ${path}: it is a folder`);
    this.#partPath = stat === undefined || stat.isFile() ? `${path}.part` : path;
    const header = safetensorsHeader(shapes);
    try {
      this.#descriptor = openSync(this.#partPath, "w");
      this.#write(header);
    } catch (error) {
      this[Symbol.dispose]();
      throw cannotWrite(path, error);
    }
  }

  /** The next rows, row-major. */
  append(logits: Float32Array): void {
    try {
      this.#write(new Uint8Array(logits.buffer, logits.byteOffset, logits.byteLength));
    } catch (error) {
      throw cannotWrite(this.#path, error);
    }
  }

  /** Gives the file its name. */
  finish(): void {
    if (this.#descriptor === undefined) return;
    closeSync(this.#descriptor);
    this.#descriptor = undefined;
    if (this.#partPath === this.#path) return;
    try {
      renameSync(this.#partPath, this.#path);
    } catch (error) {
      rmSync(this.#partPath, { force: true });
      throw cannotWrite(this.#path, error);
    }
  }

  [Symbol.dispose](): void {
    if (this.#descriptor === undefined) return;
    closeSync(this.#descriptor);
    this.#descriptor = undefined;
    if (this.#partPath !== this.#path) rmSync(this.#partPath, { force: true });
  }

  #write(bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length;) {
      done += this.write(this.#descriptor as number, bytes, done);
    }
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "its folder does not exist",
  EACCES: "permission denied",
  ENOSPC: "the disk is full",
  EROFS: "the disk is read-only",
};

function cannotWrite(path: string, error: unknown): Error {
  const { code, message } = error as { code?: string; message: string };
  return new Error(`Cannot write ${path}: ${REASONS[code ?? ""] ?? message}`, { cause: error });
}

/** The safetensors format: header length as u64, header as JSON, then the data. */
function safetensorsHeader(shapes: readonly (readonly [number, number])[]): Uint8Array {
  const entries: Record<string, unknown> = {};
  let end = 0;
  shapes.forEach((shape, i) => {
    const start = end;
    end += 4 * shape[0] * shape[1];
    entries[`logits.${i}`] = { dtype: "F32", shape, data_offsets: [start, end] };
  });
  const text = JSON.stringify(entries);
  const json = new TextEncoder().encode(text.padEnd(Math.ceil(text.length / 8) * 8));
  const bytes = new Uint8Array(8 + json.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
}
