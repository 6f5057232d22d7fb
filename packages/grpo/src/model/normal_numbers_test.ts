/** Tests of normal numbers: quantiles against published ones, moments, and that names are independent. */
import { assert, assertAlmostEquals, assertEquals, assertNotEquals } from "@std/assert";
import { normalNumbers, normalQuantile } from "./normal_numbers.ts";

Deno.test("normal quantile: published values, both sides, where its parts meet", () => {
  const table: readonly (readonly [number, number])[] = [
    [0.5, 0],
    [0.75, 0.6744897502],
    [0.9, 1.2815515655],
    [0.975, 1.9599639845],
    [0.999, 3.0902323062],
    [1 - 1e-9, 5.9978070150],
  ];
  for (const [p, z] of table) {
    assertAlmostEquals(normalQuantile(p), z, 2e-6);
    assertAlmostEquals(normalQuantile(1 - p), -z, 2e-6);
  }
  assertAlmostEquals(normalQuantile(0.925), normalQuantile(0.9250001), 2e-6);
});

Deno.test("normal numbers: moments of a normal distribution, scaled", () => {
  const numbers = normalNumbers(1, "x", 200_000, 1);
  const moment = (power: number) => numbers.reduce((sum, x) => sum + x ** power, 0) / 200_000;
  assertAlmostEquals(moment(1), 0, 0.01);
  assertAlmostEquals(moment(2), 1, 0.02);
  assertAlmostEquals(moment(3), 0, 0.03);
  assertAlmostEquals(moment(4), 3, 0.1);
  const scaled = normalNumbers(1, "x", 10, 0.25);
  assertEquals(scaled, numbers.slice(0, 10).map((x) => 0.25 * x));
});

Deno.test("normal numbers: by seed and name, longer ones begin with the shorter", () => {
  const numbers = normalNumbers(7, "blk.0.attn_q.weight", 6, 1);
  assertEquals(normalNumbers(7, "blk.0.attn_q.weight", 3, 1), numbers.slice(0, 3));
  for (
    const other of [normalNumbers(8, "blk.0.attn_q.weight", 6, 1), normalNumbers(7, "a", 6, 1)]
  ) {
    assertNotEquals(other, numbers);
    assert(Math.abs(other.reduce((sum, x, i) => sum + x * numbers[i], 0)) < 6);
  }
});
