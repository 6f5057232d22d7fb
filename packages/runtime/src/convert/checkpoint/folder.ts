/** The folder of a Hugging Face model as named byte sources: on disk, or files that a page was given. Reads no file's contents. */
import { SourceError } from "../../errors.ts";
import { builtin } from "../../host.ts";
import { blobSource, type ByteSource, openFileSource } from "../../gguf/mod.ts";

/** The files of a model. */
export interface ModelFolder {
  /** For messages: the path, or what the caller called it. */
  readonly name: string;
  /** Last part of the name: what the model is called. */
  readonly title: string;
  /** Opens a file by its plain name, or gives `undefined` where there is none; throws SourceError where it cannot be read. */
  open(fileName: string): Promise<ByteSource | undefined>;
}

/**
 * A folder on disk (Deno and Node).
 * @throws {SourceError} if there is none at `path`
 */
// deno-lint-ignore require-await -- what it throws shall reject
export async function openFolder(path: string): Promise<ModelFolder> {
  const fs = builtin("node:fs");
  const { basename, join, resolve } = builtin("node:path");
  const stat = fs.statSync(path, { throwIfNoEntry: false });
  if (!stat) throw new SourceError(`Cannot open ${path}: there is no such folder`, path);
  if (!stat.isDirectory()) {
    throw new SourceError(`Cannot open ${path}: it is a file, a model folder is wanted`, path);
  }
  return {
    name: path,
    title: basename(resolve(path)),
    async open(fileName) {
      const file = join(path, fileName);
      return fs.existsSync(file) ? await openFileSource(file) : undefined;
    },
  };
}

/** A folder of Blobs or Files by name, as a page gets them from a file input. */
export function blobFolder(name: string, files: ReadonlyMap<string, Blob>): ModelFolder {
  return {
    name,
    title: name.split("/").at(-1) as string,
    open(fileName) {
      const blob = files.get(fileName);
      if (!blob) return Promise.resolve(undefined);
      return Promise.resolve({ ...blobSource(blob), name: `${name}/${fileName}` });
    },
  };
}
