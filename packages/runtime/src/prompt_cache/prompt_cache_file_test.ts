/** Tests of the head of prompt caches: what comes back, and why each wrong number is refused. */
import { assertEquals, assertThrows } from "@std/assert";
import { PromptCacheError } from "../errors.ts";
import type { KvShape } from "../kv_cache.ts";
import {
  checkHead,
  encodeHead,
  fileBytes,
  HEAD_BYTES,
  PartsDigest,
  type PromptCacheOwner,
} from "./prompt_cache_file.ts";

const SHAPE: KvShape = { layers: 2, kvHeads: 1, keySize: 32, valueSize: 32, type: "f16" };
const OWNER: PromptCacheOwner = {
  fingerprint: Uint8Array.from({ length: 32 }, (_, i) => i * 7),
  numericsId: `relaxed_threads+fma/${"0".repeat(32)}`,
  shape: SHAPE,
  contextTokens: 100,
};
const IDS = Array.from({ length: 64 }, (_, i) => 3 * i);
const HEAD = encodeHead(OWNER, IDS);
const FILE = { name: "a.cache", sizeBytes: fileBytes(SHAPE, 64) };

Deno.test("checkHead: takes what encodeHead gives, and says how many tokens follow", () => {
  assertEquals(HEAD.length, HEAD_BYTES + 4 * 64);
  assertEquals(checkHead(HEAD.subarray(0, HEAD_BYTES), OWNER, FILE), 64);
  // 2 layers of 64 numbers in f16 a token
  assertEquals(FILE.sizeBytes, HEAD.length + 64 * 2 * 64 * 2 + 32);
});

/** The head with one number replaced. */
function withNumber(at: number, value: number): Uint8Array {
  const head = HEAD.slice();
  new DataView(head.buffer).setUint32(at, value, true);
  return head;
}

const WRONG: readonly [Uint8Array, Partial<PromptCacheOwner>, string][] = [
  [withNumber(0, 1), {}, "it is no prompt cache"],
  [withNumber(8, 1), {}, "its version is 1, known is 2"],
  [HEAD, { fingerprint: new Uint8Array(32) }, "it was made with another model"],
  [withNumber(64, 99), {}, "it was made with another model"],
  [HEAD, { shape: { ...SHAPE, type: "q8_0" } }, "it holds keys in f16, the model in q8_0"],
  [withNumber(12, 77), {}, "it holds keys in an unknown type, the model in f16"],
  [HEAD, { numericsId: "simd" }, "another build of the core or another processor, not by simd"],
  [HEAD, { numericsId: `${OWNER.numericsId}1` }, "another build of the core"], // longer than its place
  [withNumber(16, 16), {}, "its pages are 16 tokens in 8192 bytes, the model's 32 in 8192"],
  [withNumber(20, 4), {}, "its pages are 32 tokens in 4 bytes, the model's 32 in 8192"],
  [withNumber(24, 0), {}, "it names 0 tokens, whole pages of at most 100 are possible"],
  [withNumber(24, 33), {}, "it names 33 tokens"],
  [withNumber(24, 0xffffffe0), {}, "it names 4294967264 tokens"],
  [withNumber(24, 96), {}, `it is damaged: ${FILE.sizeBytes} bytes, ${FILE.sizeBytes + 8320} are`],
];

Deno.test("checkHead: each wrong number is refused by its reason, before anything is read by it", () => {
  for (const [head, change, reason] of WRONG) {
    const check = () => checkHead(head, { ...OWNER, ...change }, FILE);
    const error = assertThrows(check, PromptCacheError, "Cannot use prompt cache a.cache: ");
    assertEquals(error.message.includes(reason), true, `${error.message}: ${reason}`);
  }
});

Deno.test("PartsDigest: SHA-256 over the SHA-256 of each part", async () => {
  const parts = [Uint8Array.of(1, 2), new Uint8Array(), Uint8Array.of(3)];
  const digest = new PartsDigest();
  const each: Uint8Array[] = [];
  for (const part of parts) {
    await digest.add(part);
    each.push(new Uint8Array(await crypto.subtle.digest("SHA-256", part)));
  }
  const all = Uint8Array.from(each.flatMap((bytes) => [...bytes]));
  assertEquals(await digest.end(), new Uint8Array(await crypto.subtle.digest("SHA-256", all)));
});
