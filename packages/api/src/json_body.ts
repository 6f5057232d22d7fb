/** Reads a request's body as JSON within limits of size, time and depth. Knows no schema. */
import type { AppOptions } from "./app_options.ts";
import { ApiError } from "./errors.ts";

const DEFAULT_MAX_BYTES = 1024 * 1024;
const DEFAULT_TIMEOUT_MS = 30_000;
/** Deeper than any schema or conversation; what walks a value by recursion has room for it. */
const MAX_DEPTH = 64;
/** More than the ids of any prompt; parsed and validated before the next request is looked at. */
const MAX_VALUES = 2 ** 18;

/** How strictly a body is taken. */
export interface JsonBodyOptions {
  /** Whatever `Content-Type` says: curl's `-d`, which Ollama's users write, says that it is a form. */
  readonly anyContentType?: boolean;
}

/**
 * The body as JSON.
 * @throws {ApiError} 400 where it is no UTF-8, no JSON, too deep or of too many values, 408 where it comes too slowly, 413 where it is too
 * large, before the rest is read, 415 where it says that it is something else.
 */
export async function readJson(
  request: Request,
  { maxBodyBytes = DEFAULT_MAX_BYTES, bodyTimeoutMs = DEFAULT_TIMEOUT_MS }: AppOptions,
  { anyContentType = false }: JsonBodyOptions = {},
): Promise<unknown> {
  checkHead(request.headers, maxBodyBytes, anyContentType);
  const text = decoded(await readBytes(request, maxBodyBytes, bodyTimeoutMs));
  if (text.trim() === "") throw new ApiError("invalid", "The body is empty, it must be JSON");
  checkShape(text);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ApiError("invalid", `The body is not valid JSON: ${(error as Error).message}`);
  }
}

function checkHead(headers: Headers, maxBytes: number, anyContentType: boolean): void {
  const type = headers.get("content-type");
  if (!anyContentType && !/^application\/([\w.-]+\+)?json\s*(;|$)/i.test(type ?? "")) {
    const said = type === null ? "without a Content-Type" : `of type ${JSON.stringify(type)}`;
    throw new ApiError("media_type", `The body is ${said}, it must be application/json`);
  }
  const encoding = headers.get("content-encoding");
  if (encoding !== null && !/^identity$/i.test(encoding)) {
    throw new ApiError("media_type", "The body is compressed, it must be plain JSON");
  }
  if (Number(headers.get("content-length") ?? 0) > maxBytes) throw tooLarge(maxBytes);
}

async function readBytes(
  request: Request,
  maxBytes: number,
  timeoutMs: number,
): Promise<Uint8Array[]> {
  if (!request.body) return [];
  const reader = request.body.getReader();
  const chunks: Uint8Array[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    const message = `The body did not arrive within ${timeoutMs / 1000} s`;
    timer = setTimeout(() => reject(new ApiError("slow_body", message)), timeoutMs);
  });
  try {
    for (let size = 0;;) {
      const { done, value } = await Promise.race([reader.read(), late]);
      if (done) return chunks;
      size += value.length;
      if (size > maxBytes) throw tooLarge(maxBytes);
      chunks.push(value);
    }
  } catch (error) {
    reader.cancel().catch(() => {});
    if (error instanceof ApiError) throw error;
    throw new ApiError("gone", "The body ended early");
  } finally {
    clearTimeout(timer);
  }
}

function tooLarge(maxBytes: number): ApiError {
  return new ApiError("too_large", `The body is larger than the ${maxBytes} bytes allowed`);
}

function decoded(chunks: readonly Uint8Array[]): string {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  try {
    return chunks.map((chunk) => decoder.decode(chunk, { stream: true })).join("") +
      decoder.decode();
  } catch {
    throw new ApiError("invalid", "The body is not valid UTF-8");
  }
}

/** Before anything walks the value: by signs alone, outside of strings. */
function checkShape(text: string): void {
  let depth = 0;
  let values = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const sign = text[i];
    if (inString) {
      if (sign === "\\") i++;
      else if (sign === '"') inString = false;
    } else if (sign === '"') inString = true;
    else if (sign === "[" || sign === "{") {
      if (++depth > MAX_DEPTH) {
        throw new ApiError("invalid", `The body is nested more than ${MAX_DEPTH} levels deep`);
      }
    } else if (sign === "]" || sign === "}") depth--;
    else if (sign === "," && ++values >= MAX_VALUES) {
      throw new ApiError("invalid", `The body has more than ${MAX_VALUES} values`);
    }
  }
}
