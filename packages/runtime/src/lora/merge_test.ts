/** Tests of merging by hand-made numbers. */
import { assertEquals, assertThrows } from "@std/assert";
import type { AdapterValues } from "./adapter.ts";
import { mergedValues } from "./merge.ts";

const ONE: AdapterValues = {
  weight: "blk.0.ffn_up.weight",
  rows: 2,
  cols: 3,
  rank: 1,
  scale: 2,
  a: Float32Array.of(1, 2, 3),
  b: Float32Array.of(10, -1),
};

Deno.test("merge: scale B A is added", () => {
  const merged = mergedValues(Float32Array.of(1, 1, 1, 0, 0, 0), ONE);
  assertEquals(Array.from(merged), [21, 41, 61, -2, -4, -6]);
});

Deno.test("merge: each expert has its own pair", () => {
  const bank = {
    ...ONE,
    rows: 1,
    experts: 2,
    a: Float32Array.of(1, 0, 0, 0, 0, 1),
    b: Float32Array.of(3, 5),
  };
  assertEquals(Array.from(mergedValues(new Float32Array(6), bank)), [6, 0, 0, 0, 0, 10]);
});

Deno.test("merge: a weight of another size is refused by name", () => {
  assertThrows(() => mergedValues(new Float32Array(4), ONE), RangeError, "blk.0.ffn_up.weight");
});
