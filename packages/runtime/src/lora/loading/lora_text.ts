/** Reads an adapter from one word, as command lines and environment variables give it. Opens nothing. */
import type { LoraSource } from "./lora_source.ts";

const NAMED = /^(\w[\w.-]*)=(.+)$/s;
const SCALED = /^(.+):([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)$/is;
/** What has a port at its end and no path is no file with a factor. */
const HOST_ALONE = /^https?:\/\/[^/]*$/i;

/**
 * `[NAME=]FILE[:SCALE]`: a path, a URL or peft's folder, with a factor on what it adds.
 * @throws {RangeError} if there is no file
 *
 * @example
 * ```ts
 * import { readLoraText } from "@aha/runtime/lora";
 * console.log(readLoraText("sql=adapters/sql.gguf:0.5")); // { name: "sql", from: "adapters/sql.gguf", scale: 0.5 }
 * ```
 */
export function readLoraText(text: string): LoraSource & { readonly from: string } {
  const [, name, rest = text] = NAMED.exec(text) ?? [];
  const [, file, scale] = SCALED.exec(rest) ?? [];
  const isScaled = file !== undefined && !HOST_ALONE.test(file);
  const from = isScaled ? file : rest;
  if (from.trim() === "" || /^[:=]|=$/.test(from)) {
    throw new RangeError(`The adapter ${JSON.stringify(text)} has no file: [NAME=]FILE[:SCALE]`);
  }
  return {
    ...(name === undefined ? {} : { name }),
    from,
    ...(isScaled ? { scale: Number(scale) } : {}),
  };
}
