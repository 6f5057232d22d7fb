/** The file of a prompt cache: its head, whom it belongs to, its checksum. Reads and writes no file. */
import { ByteHash } from "../byte_hash.ts";
import { PromptCacheError, UnsupportedError } from "../errors.ts";
import { KV_TYPES, type KvShape, PAGE_TOKENS, pageBytes } from "../kv_cache.ts";

/*
 * Little-endian throughout: magic (8 bytes), version, type of pages, tokens in a page, bytes of a page, tokens (u32 each),
 * 4 zero bytes, numerics id (16 bytes of its text and zeros, 16 bytes of its hash), model fingerprint (32 bytes); then the ids (u32 each), the
 * pages, and 32 bytes of checksum.
 */
const MAGIC = Uint8Array.of(0x89, 0x41, 0x48, 0x41, 0x4b, 0x56, 0x0d, 0x0a); // \x89 AHAKV \r \n
const VERSION = 2;
const NUMERICS_AT = 32;
const FINGERPRINT_AT = 64;
const DIGEST_BYTES = 32;

const REPLACE = "remove it or name another file";

/** Bytes of the head, without the ids. */
export const HEAD_BYTES = 96;

/** With what a prompt cache is made, and with what alone it may be used. */
export interface PromptCacheOwner {
  /** 32 bytes that tell the model from others. */
  readonly fingerprint: Uint8Array;
  /** Which arithmetic computed the keys: `Backend.numericsId`. */
  readonly numericsId: string;
  readonly shape: KvShape;
  /** Most tokens of the model's context. */
  readonly contextTokens: number;
}

/** Head and ids as bytes. */
export function encodeHead(
  { fingerprint, numericsId, shape }: PromptCacheOwner,
  ids: readonly number[],
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(HEAD_BYTES + 4 * ids.length);
  const view = new DataView(bytes.buffer);
  bytes.set(MAGIC);
  const numbers = [
    VERSION,
    KV_TYPES.indexOf(shape.type),
    PAGE_TOKENS,
    pageBytes(shape),
    ids.length,
  ];
  numbers.forEach((number, i) => view.setUint32(MAGIC.length + 4 * i, number, true));
  bytes.set(numericsBytes(numericsId), NUMERICS_AT);
  bytes.set(fingerprint, FINGERPRINT_AT);
  ids.forEach((id, i) => view.setUint32(HEAD_BYTES + 4 * i, id, true));
  return bytes;
}

/**
 * Checks a head against its owner and the file's size; gives how many tokens the file holds.
 * @throws {PromptCacheError}
 */
export function checkHead(
  head: Uint8Array,
  owner: PromptCacheOwner,
  { name, sizeBytes }: { readonly name: string; readonly sizeBytes: number },
): number {
  const refuse = (why: string, advice?: string) => refusal(name, why, advice);
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const isSame = (at: number, bytes: Uint8Array) => bytes.every((byte, i) => head[at + i] === byte);
  if (!isSame(0, MAGIC)) throw noPromptCache(name);
  const [version, type, pageTokens, bytesOfPage, tokens] = [0, 1, 2, 3, 4].map((i) =>
    view.getUint32(MAGIC.length + 4 * i, true)
  );
  if (version !== VERSION) throw refuse(`its version is ${version}, known is ${VERSION}`);
  if (!isSame(FINGERPRINT_AT, owner.fingerprint)) throw refuse("it was made with another model");
  const { shape, numericsId, contextTokens } = owner;
  if (KV_TYPES[type] !== shape.type) {
    throw refuse(
      `it holds keys in ${KV_TYPES[type] ?? "an unknown type"}, the model in ${shape.type}`,
      KV_TYPES[type] && `load the model with --kv-type ${KV_TYPES[type]} (kvType) or ${REPLACE}`,
    );
  }
  if (!isSame(NUMERICS_AT, numericsBytes(numericsId))) {
    throw refuse(
      `it was computed by another build of the core or another processor, not by ${numericsId}`,
    );
  }
  if (pageTokens !== PAGE_TOKENS || bytesOfPage !== pageBytes(shape)) {
    throw refuse(
      `its pages are ${pageTokens} tokens in ${bytesOfPage} bytes, the model's ${PAGE_TOKENS} in ${
        pageBytes(shape)
      }`,
    );
  }
  if (tokens === 0 || tokens % PAGE_TOKENS !== 0 || tokens > contextTokens) {
    throw refuse(`it names ${tokens} tokens, whole pages of at most ${contextTokens} are possible`);
  }
  const wanted = fileBytes(shape, tokens);
  if (sizeBytes !== wanted) {
    throw refuse(
      `it is damaged: ${sizeBytes} bytes, ${wanted} are wanted for its ${tokens} tokens`,
    );
  }
  return tokens;
}

/** Why a file is not used, and what to do. */
export function refusal(name: string, why: string, advice: string = REPLACE): PromptCacheError {
  return new PromptCacheError(`Cannot use prompt cache ${name}: ${why}; ${advice}`, name);
}

/** A file of something else: nobody is told to remove it. */
export function noPromptCache(name: string): PromptCacheError {
  return refusal(name, "it is no prompt cache", "name another file");
}

/** Bytes of a whole file. */
export function fileBytes(shape: KvShape, tokens: number): number {
  return HEAD_BYTES + 4 * tokens + tokens / PAGE_TOKENS * pageBytes(shape) + DIGEST_BYTES;
}

/** The checksum over parts that come one by one: SHA-256 over the SHA-256 of each. */
export class PartsDigest {
  readonly #digests: Uint8Array[] = [];

  async add(part: Uint8Array<ArrayBuffer>): Promise<void> {
    this.#digests.push(await sha256(part));
  }

  async end(): Promise<Uint8Array<ArrayBuffer>> {
    const all = new Uint8Array(this.#digests.length * DIGEST_BYTES);
    this.#digests.forEach((digest, i) => all.set(digest, i * DIGEST_BYTES));
    return await sha256(all);
  }
}

/** @throws {UnsupportedError} in a page without a secure context */
export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  if (!globalThis.crypto?.subtle) {
    throw new UnsupportedError(
      "Prompt caches need crypto.subtle: serve the page by HTTPS",
      "crypto",
    );
  }
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

function numericsBytes(id: string): Uint8Array {
  const bytes = new Uint8Array(FINGERPRINT_AT - NUMERICS_AT);
  const text = new TextEncoder().encode(id);
  const hash = new ByteHash();
  hash.add(text);
  bytes.set(text.subarray(0, bytes.length / 2));
  bytes.set(hash.digest(), bytes.length / 2);
  return bytes;
}
