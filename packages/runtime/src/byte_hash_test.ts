/** Tests of the fast hash: which edits it tells apart, at any alignment. */
import { assertEquals, assertNotEquals } from "@std/assert";
import { ByteHash, hexHash } from "./byte_hash.ts";

const BYTES = Uint8Array.from({ length: 1003 }, (_, i) => i * i * 31 + 7);

Deno.test("hexHash: each changed bit, a length and pairs of signs show", () => {
  const hashes = new Set([hexHash(BYTES), hexHash(BYTES.subarray(1)), hexHash(BYTES.slice(0, -1))]);
  for (let bit = 0; bit < 8 * BYTES.length; bit++) {
    const edited = BYTES.slice();
    edited[bit >> 3] ^= 1 << (bit & 7);
    hashes.add(hexHash(edited));
  }
  // Signs of two numbers of one lane: without the shift they would cancel.
  for (let at = 19; at < 1000; at += 16) {
    const edited = BYTES.slice();
    edited[3] ^= 0x80;
    edited[at] ^= 0x80;
    assertNotEquals(hexHash(edited), hexHash(BYTES));
  }
  assertEquals(hashes.size, 3 + 8 * BYTES.length);
});

Deno.test("ByteHash: where the bytes lie does not count, their order does", () => {
  const shared = new Uint8Array(new SharedArrayBuffer(2000));
  for (const at of [0, 1, 2, 3, 4]) {
    shared.set(BYTES, at);
    assertEquals(hexHash(shared.subarray(at, at + BYTES.length)), hexHash(BYTES));
  }
  const [one, other] = [new ByteHash(), new ByteHash()];
  for (const part of [BYTES.subarray(0, 100), BYTES.subarray(100)]) one.add(part);
  for (const part of [BYTES.subarray(100), BYTES.subarray(0, 100)]) other.add(part);
  assertNotEquals(one.digest(), other.digest());
});
