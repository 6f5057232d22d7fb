/** Tests of learning rates by step against values worked out by hand and by transformers' formulas. */
import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { learningRateAt, type Schedule } from "./schedule.ts";

const rates = (schedule: Schedule, steps: number) =>
  Array.from({ length: steps }, (_, i) => learningRateAt(schedule, i + 1));

Deno.test("schedule: constant after a warm-up that begins above 0", () => {
  const schedule = { type: "constant", learningRate: 3, warmupSteps: 3 } as const;
  assertEquals(rates(schedule, 5), [1, 2, 3, 3, 3]);
  assertEquals(rates({ ...schedule, warmupSteps: 0 }, 2), [3, 3]);
});

Deno.test("schedule: linear and cosine fall from the rate after the warm-up", () => {
  const linear = { type: "linear", learningRate: 4, warmupSteps: 2, totalSteps: 6 } as const;
  assertEquals(rates(linear, 8), [2, 4, 4, 3, 2, 1, 0, 0]);
  const cosine = rates({ ...linear, type: "cosine" }, 7);
  [2, 4, 4, 2 + Math.SQRT2, 2, 2 - Math.SQRT2, 0].forEach((rate, i) =>
    assertAlmostEquals(cosine[i], rate, 1e-12)
  );
});

Deno.test("schedule: what is left at the end", () => {
  const half = { type: "linear", learningRate: 4, totalSteps: 4, finalRate: 0.5 } as const;
  assertEquals(rates(half, 6), [4, 3.5, 3, 2.5, 2, 2]);
  const cosine = rates({ ...half, type: "cosine", finalRate: 0.1 }, 5);
  assertAlmostEquals(cosine[2], 4 * (0.1 + 0.9 / 2), 1e-12);
  assertAlmostEquals(cosine[4], 0.4, 1e-12);
  assertEquals(rates({ ...half, type: "constant" }, 3), [4, 4, 4]);
  assertThrows(() => learningRateAt({ ...half, finalRate: -1 }, 1), RangeError, "finalRate is -1");
});

Deno.test("schedule: numbers that cannot be", () => {
  const schedule = { type: "linear", learningRate: 1, totalSteps: 4 } as const;
  assertThrows(() => learningRateAt(schedule, 0), RangeError, "step is 0");
  assertThrows(() => learningRateAt({ ...schedule, learningRate: NaN }, 1), RangeError, "NaN");
  assertThrows(() => learningRateAt({ ...schedule, warmupSteps: 0.5 }, 1), RangeError, "0.5");
  assertThrows(
    () => learningRateAt({ ...schedule, totalSteps: undefined }, 1),
    RangeError,
    "totalSteps",
  );
  const other = { ...schedule, type: "step" } as unknown as Schedule;
  assertThrows(() => learningRateAt(other, 1), RangeError, "step");
});
