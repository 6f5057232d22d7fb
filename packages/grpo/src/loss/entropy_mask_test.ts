/** Which tokens count as those of highest entropy, at borders and shares of every kind. Computes no loss. */
import { assertEquals } from "@std/assert";
import { highEntropyTokens } from "./entropy_mask.ts";

/** Entropies of the tokens that are chosen. */
function chosen(entropies: readonly number[], share: number): number[] {
  const mask = highEntropyTokens(Float64Array.from(entropies), share);
  return entropies.filter((_, n) => mask[n]);
}

const TEN = [0.1, 0.9, 0.3, 0.4, 1, 0.6, 0.7, 0.8, 0.2, 0.5];

Deno.test("the highest share of entropies is chosen", () => {
  assertEquals(chosen(TEN, 0.2), [0.9, 1]);
  assertEquals(chosen(TEN, 0.5), [0.9, 1, 0.6, 0.7, 0.8]);
  assertEquals(chosen(TEN, 1), TEN);
  assertEquals(chosen(TEN, 0), [1]);
  assertEquals(chosen([], 0.5), []);
});

Deno.test("the border falls between two values in proportion; on a value, it counts", () => {
  assertEquals(chosen([1, 2, 3, 4, 5], 0.5), [3, 4, 5]);
  assertEquals(chosen([1, 2, 3, 4], 0.5), [3, 4]);
  assertEquals(chosen([2, 2, 2, 1], 0), [2, 2, 2]);
});

Deno.test("a share whose complement is no exact number still counts the value at its border", () => {
  // 1 - 0.7 is a bit above 0.3, so that the rank 3 of 11 values would be missed.
  const eleven = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
  assertEquals(chosen(eleven, 0.7), [3, 4, 5, 6, 7, 8, 9, 10]);
});
