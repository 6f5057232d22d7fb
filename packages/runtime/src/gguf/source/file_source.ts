/** Reads a local file in Deno and Node. Holds one descriptor and no buffer of its own. */
import { SourceError } from "../../errors.ts";
import { builtin } from "../../host.ts";
import { yieldToHost } from "../../yield_to_host.ts";
import type { ByteSource } from "../source.ts";

/** One system call reads at most this much, so that an abort is noticed. */
const CHUNK_BYTES = 16 * 1024 * 1024;

/**
 * Opens the file at `path`; bytes are read straight into the caller's view, shared memory included.
 * @throws {SourceError} if the path is missing, unreadable or no regular file
 */
// deno-lint-ignore require-await -- throws must become rejections
export async function openFileSource(path: string): Promise<ByteSource> {
  const fs = builtin("node:fs");
  let file: number;
  let sizeBytes: number;
  try {
    const stat = fs.statSync(path);
    if (!stat.isFile()) {
      const kind = stat.isDirectory() ? "a directory" : "no regular file";
      throw new SourceError(`Cannot open ${path}: it is ${kind}, a file is wanted`, path);
    }
    sizeBytes = stat.size;
    file = fs.openSync(path, "r");
  } catch (error) {
    throw asSourceError(error, "open", path);
  }

  let open = true;
  return {
    name: path,
    sizeBytes,
    async read(offset: number, into: Uint8Array, signal?: AbortSignal): Promise<void> {
      let filled = 0;
      while (filled < into.length) {
        await yieldToHost(signal); // reading is synchronous: without it no abort would come through
        if (!open) throw new SourceError(`Cannot read ${path}: it was closed`, path);
        const count = readAt(fs, file, path, into, filled, offset + filled);
        if (count === 0) {
          throw new SourceError(
            `Cannot read ${path}: ${into.length} bytes wanted at ${offset}, only ${filled} there`,
            path,
          );
        }
        filled += count;
      }
    },
    close(): Promise<void> {
      if (open) fs.closeSync(file);
      open = false;
      return Promise.resolve();
    },
  };
}

function readAt(
  fs: typeof import("node:fs"),
  file: number,
  path: string,
  into: Uint8Array,
  start: number,
  position: number,
): number {
  try {
    return fs.readSync(file, into, start, Math.min(CHUNK_BYTES, into.length - start), position);
  } catch (error) {
    throw asSourceError(error, "read", path);
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  ENOTDIR: "there is no such file",
  EACCES: "permission is missing",
  EPERM: "permission is missing",
  EISDIR: "it is a directory, a file is wanted",
  EMFILE: "too many files are open",
  ENAMETOOLONG: "the name is too long",
  ELOOP: "its symbolic links lead in a circle",
};

function asSourceError(error: unknown, verb: string, path: string): SourceError {
  if (error instanceof SourceError) return error;
  const { code, message } = error as { code?: string; message: string };
  const reason = REASONS[code ?? ""] ?? message.split("\n")[0];
  return new SourceError(`Cannot ${verb} ${path}: ${reason}`, path, { cause: error });
}
