/** Tests of assert.ts: long arrays that differ are told of at once. */
import { assertEquals, assertThrows } from "@std/assert";

Deno.test("assertEquals: bytes that differ are told of by their first difference, at once", () => {
  const bytes = Uint8Array.from({ length: 500_000 }, (_, i) => i % 251);
  assertEquals(bytes, bytes.slice());
  const others = bytes.map((value) => value ^ 1);
  assertThrows(() => assertEquals(others, bytes), Error, "[0] is 1, not 0");
  assertThrows(() => assertEquals(bytes.slice(0, 9), bytes), Error, "9 numbers are not the 500000");
  assertThrows(() => assertEquals(Float32Array.of(0), Float32Array.of(-0)), Error, "[0] is 0");
});
