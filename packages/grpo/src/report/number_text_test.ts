/** Tests of number_text.ts: few digits, round ticks. */
import { assert, assertEquals } from "@std/assert";
import { linearTicks, logTicks, numberText } from "./number_text.ts";

Deno.test("numberText: few digits at any size", () => {
  const values = [0, 1, -0.5, 3.14159, 123.456, 9999, 12_345, 2.5e6, 1e-6, 0.00012, NaN, Infinity];
  assertEquals(values.map(numberText), [
    ...["0", "1", "-0.5", "3.14", "123.5", "9999", "12.3 k", "2.5 M", "1e−6", "1.2e−4", "–", "–"],
  ]);
});

Deno.test("ticks are round, inside, and a few", () => {
  assertEquals(linearTicks(0, 1, 5), [0, 0.2, 0.4, 0.6, 0.8, 1]);
  assertEquals(linearTicks(-3, 7, 5), [-2, 0, 2, 4, 6]);
  assertEquals(logTicks(1, 32, 6), [1, 2, 4, 8, 16, 32]);
  assertEquals(logTicks(1e-6, 10, 10)[0], 1e-6);
  for (const [low, high] of [[0.4, 0.5], [100, 12_345], [-1, 1]]) {
    const ticks = linearTicks(low, high, 5);
    assert(ticks.length >= 3 && ticks.length <= 7, `${low} ${high}: ${ticks}`);
    assert(ticks.every((tick) => tick >= low - 1e-9 && tick <= high + 1e-9));
  }
});
