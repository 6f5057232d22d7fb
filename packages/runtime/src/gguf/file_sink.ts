/** A file that appears under its name only when it is whole: written beside it, then renamed. Knows no format. */
import { OutputError } from "../errors.ts";
import { builtin } from "../host.ts";
import type { ByteSink } from "./writer.ts";

/** Bytes on their way into a file. One of `commit` and `abort` ends it. */
export interface FileSink extends ByteSink {
  readonly path: string;
  /** Flushes the bytes to the disk and gives the file its name. */
  commit(): void;
  /** Removes what was written; does nothing after `commit`. */
  abort(): void;
}

/** Options of `openFileSink`. */
export interface FileSinkOptions {
  /** Replace a file of that name, in one step and at the end. Default false. */
  readonly overwrite?: boolean;
  /** What the message about an existing file adds: how to ask for `overwrite`. */
  readonly hint?: string;
  /** Files that are read for this one: none of them is ever replaced. */
  readonly inputs?: readonly string[];
}

/**
 * Begins a file at `path` (Deno and Node), under a name of its own in the same folder.
 * @throws {OutputError} if `path` exists and `overwrite` is off, if it is read-only, no file or one of the inputs, or if
 * the folder cannot be written
 */
// deno-lint-ignore require-await -- throws must become rejections
export async function openFileSink(path: string, options: FileSinkOptions = {}): Promise<FileSink> {
  const fs = builtin("node:fs");
  const target = linkedPlace(fs, path);
  const refuseExisting = (): void => {
    const stat = fs.statSync(target, { throwIfNoEntry: false });
    if (stat?.isDirectory()) throw new OutputError(`Cannot write ${path}: it is a directory`, path);
    const isSame = (input: string): boolean => {
      const other = fs.statSync(input, { throwIfNoEntry: false });
      return stat !== undefined && other?.ino === stat.ino && other.dev === stat.dev;
    };
    if (stat && options.inputs?.some(isSame)) {
      throw new OutputError(`Cannot write ${path}: it is read for what would be written`, path);
    }
    if (stat && !stat.isFile()) throw new OutputError(`Cannot write ${path}: it is no file`, path);
    // A system's administrator could replace it all the same, so the mode itself is what counts.
    if (stat && options.overwrite && (stat.mode & 0o222) === 0) {
      throw new OutputError(`Cannot replace ${path}: it is read-only`, path);
    }
    if (stat && !options.overwrite) {
      const hint = options.hint ? ` (${options.hint})` : "";
      throw new OutputError(`Cannot write ${path}: it exists already${hint}`, path);
    }
  };
  const attempt = <T>(run: () => T): T => {
    try {
      return run();
    } catch (error) {
      throw asOutputError(error, path);
    }
  };
  attempt(refuseExisting);
  const part = `${target}.${crypto.randomUUID().slice(0, 8)}.part`;
  const file = attempt(() => fs.openSync(part, "wx"));
  let open = true;
  const end = (): void => {
    if (open) fs.closeSync(file);
    open = false;
  };
  return {
    path,
    write(bytes) {
      attempt(() => {
        for (let at = 0; at < bytes.length;) at += fs.writeSync(file, bytes, at);
      });
    },
    commit() {
      attempt(() => {
        fs.fsyncSync(file);
        end();
        refuseExisting();
        fs.renameSync(part, target);
      });
    },
    abort() {
      end();
      fs.rmSync(part, { force: true });
    },
  };
}

/** Where a symbolic link leads: what it points to is written, and the link stays. */
function linkedPlace(fs: typeof import("node:fs"), path: string): string {
  if (!fs.lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink()) return path;
  try {
    return fs.realpathSync(path);
  } catch (error) {
    throw new OutputError(`Cannot write ${path}: it is a link that leads nowhere`, path, {
      cause: error,
    });
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "its folder does not exist",
  ENOTDIR: "its folder does not exist",
  EACCES: "permission is missing",
  EPERM: "permission is missing",
  EROFS: "the file system is read-only",
  ENOSPC: "the disk is full",
  ELOOP: "its symbolic links lead in a circle",
};

function asOutputError(error: unknown, path: string): OutputError {
  if (error instanceof OutputError) return error;
  const { code, message } = error as { code?: string; message: string };
  const reason = REASONS[code ?? ""] ?? message.split("\n")[0];
  return new OutputError(`Cannot write ${path}: ${reason}`, path, { cause: error });
}
