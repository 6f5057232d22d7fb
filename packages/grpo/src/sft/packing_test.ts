/** Tests of packing: every sequence once, no pack too full, few packs. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { seededRandom } from "../../../../tests/support/seeded_random.ts";
import { packedBatches, streamSequences } from "./packing.ts";

Deno.test("packing: without packs, sequences in their order", () => {
  assertEquals(packedBatches([3, 9, 1], { batchSize: 2 }), [[0, 1], [2]]);
});

Deno.test("packing: best fit decreasing", () => {
  assertEquals(packedBatches([5, 4, 6, 5], { batchSize: 1, packTokens: 10 }), [[0, 3], [1, 2]]);
});

Deno.test("packing: each sequence once, no pack beyond its tokens, and nearly full ones", () => {
  const random = seededRandom(5);
  const lengths = Array.from({ length: 1000 }, () => 1 + random(100));
  const packs = packedBatches(lengths, { batchSize: 1, packTokens: 100 });
  assertEquals(packs.flat().sort((a, b) => a - b), lengths.map((_, i) => i));
  const sums = packs.map((pack) => pack.reduce((sum, i) => sum + lengths[i], 0));
  assert(Math.max(...sums) <= 100);
  const whole = lengths.reduce((sum, length) => sum + length, 0);
  assert(packs.length <= 1.02 * whole / 100, `${packs.length} packs for ${whole} tokens`);
});

Deno.test("packing: refuses what fits into no pack, and streams cut to nothing", () => {
  const pack = { batchSize: 1, packTokens: 10 };
  assertThrows(() => packedBatches([3, 11], pack), RangeError, "Sequence 1 has 11 tokens");
  assertThrows(() => streamSequences(Int32Array.of(1, 2), 1), RangeError, "max_length is 1");
  assertEquals(streamSequences(Int32Array.of(1, 2, 3, 4, 5), 2).map((one) => [...one]), [
    [1, 2],
    [3, 4],
  ]);
});
