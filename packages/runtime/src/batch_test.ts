/** Tests of laying segments out in a ragged batch. */
import { assertEquals } from "@std/assert";
import { makeBatch } from "./batch.ts";

Deno.test("makeBatch: segments follow each other, ids and positions are theirs", () => {
  const sequence = { pages: [4], length: 9 };
  const { batch, ids } = makeBatch([
    { sequence, ids: [7, 8, 9], firstPosition: 6 },
    { sequence: null, ids: Int32Array.of(1), firstPosition: 0 },
    { sequence: null, ids: [], firstPosition: 0 },
    { sequence: null, ids: [5, 5], firstPosition: 0 },
  ]);
  assertEquals(ids, Int32Array.of(7, 8, 9, 1, 5, 5));
  assertEquals(batch.rows, 6);
  assertEquals(batch.segments, [
    { sequence, start: 0, length: 3, firstPosition: 6 },
    { sequence: null, start: 3, length: 1, firstPosition: 0 },
    { sequence: null, start: 4, length: 0, firstPosition: 0 },
    { sequence: null, start: 4, length: 2, firstPosition: 0 },
  ]);
  assertEquals(batch.segments[0].sequence === sequence, true);
});

Deno.test("makeBatch: nothing is an empty batch", () => {
  assertEquals(makeBatch([]), { batch: { rows: 0, segments: [] }, ids: new Int32Array() });
});
