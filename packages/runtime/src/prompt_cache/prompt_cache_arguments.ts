/** What callers give to save and restore prompt caches, checked: TypeScript's types do not reach JavaScript. Opens nothing. */
import type { ByteSink } from "../gguf/mod.ts";
import { builtin } from "../host.ts";

/** @throws {TypeError} */
export function checkPrompt(prompt: unknown): void {
  if (typeof prompt === "string" || Array.isArray(prompt)) return;
  throw new TypeError(`A prompt is text or an array of token ids, not ${kindOf(prompt)}`);
}

/** @throws {TypeError} */
export function checkSource(from: unknown): void {
  if (typeof from === "string" || from instanceof URL || from instanceof Blob) return;
  const isBytes = ArrayBuffer.isView(from) || from instanceof ArrayBuffer;
  const advice = isBytes ? ": wrap the bytes in a Blob" : "";
  throw new TypeError(
    `A prompt cache is read from a path, a URL or a Blob, not from ${kindOf(from)}${advice}`,
  );
}

/**
 * A path or a sink; file URLs become paths.
 * @throws {TypeError}
 */
export function targetOf(to: string | URL | ByteSink): string | ByteSink {
  if (to instanceof URL && to.protocol === "file:") return builtin("node:url").fileURLToPath(to);
  if (typeof to === "string") return to;
  if (typeof (to as Partial<ByteSink> | null)?.write === "function") return to as ByteSink;
  const kind = to instanceof URL ? `a URL of ${to.protocol}` : kindOf(to);
  throw new TypeError(
    `A prompt cache is written to a path, a file URL or a sink with write(bytes), not to ${kind}`,
  );
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value !== "object") return `a ${typeof value}`;
  return `an object of ${value.constructor?.name ?? "no class"}`;
}
