/** A file on its way into the cache: appended, hashed while written, renamed when whole. Fetches nothing. */
import { createHash, type Hash } from "node:crypto";
import * as fs from "node:fs";
import { dirname } from "node:path";
import { SourceError, StoreError } from "../errors.ts";

/** Where the bytes of a part file came from; only the same origin may go on with it. */
export interface PartOrigin {
  readonly url: string;
  /** Strong entity tag, for If-Range. */
  readonly etag?: string;
}

/** Writes bytes at a position of a file, as `fs.writeSync` does; tests give one that fails. */
export type WriteBytes = (
  file: number,
  bytes: Uint8Array,
  offset: number,
  length: number,
  position: number,
) => number;

/** Read and write, created where missing, kept where not. */
const OPEN_FLAGS = fs.constants.O_RDWR | fs.constants.O_CREAT;
const READ_BYTES = 1024 * 1024;

/** `<file>.part` with its origin in `<file>.part.json`: what is in it survives a crash or a full disk. */
export class PartFile {
  readonly path: string;
  readonly #file: number;
  readonly #write: WriteBytes;
  #hash: Hash = createHash("sha256");
  #writtenBytes = 0;
  #origin: PartOrigin | undefined;
  #open = true;

  /** Opens the part of `finalPath`, taking in what an earlier attempt left. */
  constructor(readonly finalPath: string, write: WriteBytes = fs.writeSync) {
    this.path = `${finalPath}.part`;
    this.#write = write;
    this.#file = storing(this.path, () => fs.openSync(this.path, OPEN_FLAGS));
    this.#origin = readOrigin(`${this.path}.json`);
    const chunk = new Uint8Array(READ_BYTES);
    for (;;) {
      const count = fs.readSync(this.#file, chunk, 0, chunk.length, this.#writtenBytes);
      if (count === 0) break;
      this.#hash.update(chunk.subarray(0, count));
      this.#writtenBytes += count;
    }
  }

  get writtenBytes(): number {
    return this.#writtenBytes;
  }

  get origin(): PartOrigin | undefined {
    return this.#origin;
  }

  /** Empties the file and notes where its bytes will come from. */
  restart(origin?: PartOrigin): void {
    storing(this.path, () => {
      fs.ftruncateSync(this.#file, 0);
      fs.rmSync(`${this.path}.json`, { force: true });
      if (origin) fs.writeFileSync(`${this.path}.json`, JSON.stringify(origin));
    });
    this.#hash = createHash("sha256");
    this.#writtenBytes = 0;
    this.#origin = origin;
  }

  /**
   * Appends and hashes `bytes`.
   * @throws {StoreError} if the disk is full or the write failed; what was written stays for a later attempt
   */
  append(bytes: Uint8Array): void {
    let done = 0;
    while (done < bytes.length) {
      const count = storing(
        this.path,
        () => this.#write(this.#file, bytes, done, bytes.length - done, this.#writtenBytes),
        this.#writtenBytes,
      );
      this.#hash.update(bytes.subarray(done, done + count));
      this.#writtenBytes += count;
      done += count;
    }
  }

  /** SHA-256 of all that was written, lower-case hexadecimal. */
  sha256(): string {
    return this.#hash.copy().digest("hex");
  }

  /** The first bytes, as many as there are. */
  head(count: number): Uint8Array {
    const bytes = new Uint8Array(count);
    return bytes.subarray(0, fs.readSync(this.#file, bytes, 0, count, 0));
  }

  /** Puts the file on the disk and under its final name, in one step. */
  commit(): void {
    storing(this.path, () => fs.fsyncSync(this.#file));
    this.close();
    storing(this.finalPath, () => fs.renameSync(this.path, this.finalPath));
    fs.rmSync(`${this.path}.json`, { force: true });
    syncFolder(dirname(this.finalPath));
  }

  /** Removes what was written. */
  discard(): void {
    this.close();
    fs.rmSync(this.path, { force: true });
    fs.rmSync(`${this.path}.json`, { force: true });
  }

  /** Leaves what was written for a later attempt; an empty part is removed. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    fs.closeSync(this.#file);
    if (this.#writtenBytes === 0) {
      fs.rmSync(this.path, { force: true });
      fs.rmSync(`${this.path}.json`, { force: true });
    }
  }
}

/** Runs a disk operation; its failure becomes a StoreError of one line. */
export function storing<T>(path: string, run: () => T, writtenBytes?: number): T {
  try {
    return run();
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    if (code === "ENOSPC" || code === "EDQUOT") throw fullDisk(path, writtenBytes, error);
    const reason = code === "EACCES" || code === "EPERM" || code === "EROFS"
      ? "no permission to write there; AHA_HOME names another folder"
      : message.split("\n")[0];
    throw new StoreError(`Cannot write ${path}: ${reason}`, path, { cause: error });
  }
}

/** The error for a full disk. */
export function fullDisk(path: string, writtenBytes?: number, cause?: unknown): StoreError {
  const kept = writtenBytes ? ` after ${writtenBytes} bytes, which are kept` : "";
  return new StoreError(
    `Cannot write ${path}: the disk is full${kept}; free some space and pull again, or name another folder in AHA_HOME`,
    path,
    { cause },
  );
}

function readOrigin(path: string): PartOrigin | undefined {
  try {
    const { url, etag } = JSON.parse(fs.readFileSync(path, "utf8")) as Partial<PartOrigin>;
    return typeof url === "string" ? { url, etag } : undefined;
  } catch {
    return undefined; // none, or cut short by a crash: the part is then fetched anew
  }
}

/** Makes the rename itself lasting; not every system lets folders be opened. */
function syncFolder(path: string): void {
  try {
    const folder = fs.openSync(path, "r");
    try {
      fs.fsyncSync(folder);
    } finally {
      fs.closeSync(folder);
    }
  } catch {
    // Windows: the rename is journalled by the file system
  }
}

/** Compares the file with what it should be. Throws SourceError with both values. */
export function checkWhole(
  part: PartFile,
  where: string,
  wanted: { readonly sizeBytes?: number; readonly sha256?: string },
): void {
  const { sizeBytes, sha256 } = wanted;
  if (sizeBytes !== undefined && part.writtenBytes !== sizeBytes) {
    throw new SourceError(
      `${where} gave ${part.writtenBytes} bytes, ${sizeBytes} are wanted`,
      where,
    );
  }
  const found = part.sha256();
  if (sha256 !== undefined && found !== sha256) {
    throw new SourceError(`${where} gave a file with sha256 ${found}, wanted ${sha256}`, where);
  }
}
