/** Advantages against values by hand: scales, missing rewards, several functions, refusals. TRL's own numbers: tests/parity. */
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { type AdvantageOptions, groupAdvantages, type Reward } from "./advantage.ts";

const PAIRS = { groupSize: 2, epsilon: 0 } as const;

Deno.test("a group's rewards are centered and divided by their own deviation", () => {
  assertEquals(groupAdvantages([1, 3, 10, 10.5], { ...PAIRS, ddof: 0 }), [-1, 1, -1, 1]);
  const [low, high] = groupAdvantages([1, 3], PAIRS);
  assertAlmostEquals(low, -Math.SQRT1_2, 1e-15);
  assertAlmostEquals(high, Math.SQRT1_2, 1e-15);
  assertAlmostEquals(
    groupAdvantages([0, 1], { groupSize: 2 })[1],
    0.5 / (Math.SQRT1_2 + 1e-4),
    1e-15,
  );
});

Deno.test("scale: by all rewards' deviation, or not at all", () => {
  const rewards = [0, 2, 4, 6];
  assertEquals(groupAdvantages(rewards, { ...PAIRS, scale: "none" }), [-1, 1, -1, 1]);
  const scaled = groupAdvantages(rewards, { ...PAIRS, scale: "batch" });
  const deviation = Math.sqrt(20 / 3);
  scaled.forEach((value, i) => assertAlmostEquals(value, [-1, 1, -1, 1][i] / deviation, 1e-15));
});

Deno.test("equal rewards have advantage 0 exactly, though their sum is rounded", () => {
  for (const scale of ["group", "batch", "none"] as const) {
    const advantages = groupAdvantages([0.1, 0.1, 0.1, 1, 2, 4], { groupSize: 3, scale });
    assertEquals(advantages.slice(0, 3), [0, 0, 0]);
    assertEquals(groupAdvantages([0.1, 0.1], { ...PAIRS, scale }), [0, 0]);
    assertAlmostEquals(advantages.reduce((sum, value) => sum + value, 0), 0, 1e-14);
  }
});

Deno.test("null rewards count for nothing and have advantage 0", () => {
  const options = { groupSize: 4, scale: "group" } as const;
  const [a, missing, b, c] = groupAdvantages([1, null, 0, 2], options);
  assertEquals(missing, 0);
  assertEquals([a, b, c], groupAdvantages([1, 0, 2], { ...options, groupSize: 3 }));
  assertEquals(groupAdvantages([null, 5, null, null], options), [0, 0, 0, 0]);
  assertEquals(groupAdvantages([null, null], { groupSize: 2, scale: "batch" }), [0, 0]);
  const batch = groupAdvantages([1, null, 3, 5], { groupSize: 2, scale: "batch", epsilon: 0 });
  assertEquals(batch, [0, 0, -0.5, 0.5]);
});

Deno.test("several functions: weighted, summed, a null one left out; rows of nulls alone have none", () => {
  const rewards: Reward[][] = [[1, 4], [3, null], [null, null], [0, 0]];
  const options: AdvantageOptions = { groupSize: 2, scale: "none", weights: [1, 0.5] };
  assertEquals(groupAdvantages(rewards, options), [0, 0, 0, 0]);
  assertEquals(groupAdvantages(rewards, { groupSize: 2, scale: "none" }), [1, -1, 0, 0]);
});

Deno.test("groups of one and what does not fit are refused", () => {
  const refuse = (rewards: Reward[], options: AdvantageOptions, message: string) =>
    assertThrows(() => groupAdvantages(rewards, options), RangeError, message);
  refuse([1, 2], { groupSize: 1 }, "groupSize is 1");
  refuse([1, 2], { groupSize: 1.5 }, "groupSize is 1.5");
  refuse([1, 2, 3], { groupSize: 2 }, "3 rewards do not fill groups of 2");
  refuse([1, NaN], { groupSize: 2 }, "reward of row 1 is NaN");
  refuse([1, 2], { groupSize: 2, epsilon: -1 }, "epsilon is -1");
  refuse([1, 2], { groupSize: 2, ddof: 2 as 1 }, "ddof is 2");
  refuse([1, 2], { groupSize: 2, scale: "prompt" as "group" }, 'scale is "prompt"');
  refuse([1, 2], { groupSize: 2, weights: [1, 1] }, "row 0 has 1 rewards, but there are 2 weights");
  const missing = [1, undefined] as unknown as Reward[];
  assertThrows(() => groupAdvantages(missing, PAIRS), TypeError, "row 1 is undefined");
});

Deno.test("no rewards, no advantages", () => {
  assert(groupAdvantages([], { groupSize: 4 }).length === 0);
});
