/** Picks the way to read a model by what it is given as. Resolves no model names. */
import { builtin } from "../../host.ts";
import { SourceError } from "../../errors.ts";
import type { ByteSource } from "../source.ts";
import { blobSource } from "./blob_source.ts";
import { openFileSource } from "./file_source.ts";
import { openHttpSource } from "./http_source.ts";

/** Options of `openSource`. */
export interface OpenSourceOptions {
  readonly signal?: AbortSignal;
}

/**
 * Opens a path, an http(s) or file URL, or a Blob for random reads.
 * @throws {SourceError} if it is missing or cannot be read piecewise
 *
 * @example
 * ```ts
 * import { openSource } from "@aha/runtime/gguf";
 * const source = await openSource(new Blob(["GGUF"]));
 * const magic = new Uint8Array(4);
 * await source.read(0, magic);
 * console.log(String.fromCharCode(...magic)); // GGUF
 * ```
 */
export async function openSource(
  where: string | URL | Blob,
  options: OpenSourceOptions = {},
): Promise<ByteSource> {
  if (where instanceof Blob) return blobSource(where);
  const text = String(where);
  if (/^https?:\/\//i.test(text)) return await openHttpSource(text, options);
  if (/^file:\/\//i.test(text)) return await openFileSource(pathOfUrl(text));
  return await openFileSource(text);
}

function pathOfUrl(url: string): string {
  try {
    return builtin("node:url").fileURLToPath(url);
  } catch (error) {
    throw new SourceError(
      `Cannot open ${url}: a file URL has three slashes and then the path, no host`,
      url,
      { cause: error },
    );
  }
}
