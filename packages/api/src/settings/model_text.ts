/** Reads which model to serve under which name from one word. Opens nothing. */
import type { ModelSpec } from "../engine/engine_config.ts";

const NAMED = /^(\w[\w.:-]*)=(.+)$/s;
/** Of the first part of a model in several files. */
const SHARD = /-\d{5}-of-\d{5}$/;

/**
 * `NAME=MODEL` or MODEL, which is called by its file's name without `.gguf`, or as the manifest calls it.
 * @throws {RangeError} if nothing is left to call it by
 *
 * @example
 * ```ts
 * import { readModel } from "@aha/api";
 * console.log(readModel("models/tiny.gguf")); // { name: "tiny", source: "models/tiny.gguf" }
 * ```
 */
export function readModel(text: string): Pick<ModelSpec, "name"> & { readonly source: string } {
  const [, given, rest] = NAMED.exec(text) ?? [];
  const source = rest ?? text;
  const name = given ?? nameOf(source);
  if (name === "") {
    throw new RangeError(`The model ${JSON.stringify(text)} needs a name: NAME=MODEL`);
  }
  return { name, source };
}

function nameOf(source: string): string {
  const path = URL.canParse(source) && /^(https?|file):/i.test(source)
    ? decodeURIComponent(new URL(source).pathname)
    : source;
  const file = path.split(/[\\/]/).at(-1) ?? "";
  return file.replace(/\.gguf$/i, "").replace(SHARD, "");
}
