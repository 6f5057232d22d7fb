/** Tests of trend.ts. */
import { assert, assertAlmostEquals, assertThrows } from "@std/assert";
import { seededRandom } from "../../tests/support/seeded_random.ts";
import { trendOf } from "./trend.ts";

const series = (count: number, valueOf: (i: number) => number) =>
  Array.from({ length: count }, (_, i) => ({ atMs: i * 1_000, value: valueOf(i) }));

Deno.test("trendOf: flat, rising, falling; the first half does not count", () => {
  assertAlmostEquals(trendOf(series(100, () => 50)).growth, 0, 1e-12);
  const rising = trendOf(series(101, (i) => 100 + i));
  assertAlmostEquals(rising.growth, 50 / 175, 1e-9);
  assertAlmostEquals(rising.mean, 175, 1e-9);
  assert(trendOf(series(50, (i) => 100 - i)).growth < 0);
  assertAlmostEquals(trendOf(series(100, (i) => i < 50 ? i * 1_000 : 70)).growth, 0, 1e-12);
  assertThrows(() => trendOf(series(3, () => 1)), RangeError);
});

Deno.test("trendOf: noise of a tenth is not taken for growth, growth is seen through it", () => {
  const random = seededRandom(3);
  const noise = () => 0.9 + random(200) / 1_000;
  assert(Math.abs(trendOf(series(600, () => 200 * noise())).growth) < 0.02);
  assert(trendOf(series(600, (i) => (200 + i / 10) * noise())).growth > 0.08);
});
