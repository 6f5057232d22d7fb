/** Tests of usage.ts. */
import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { costOf, totalUsage } from "./usage.ts";

const usage = (cachedPromptTokens: number, completionTokens: number, reasoningTokens: number) => ({
  ...{ promptTokens: 100, cachedPromptTokens, completionTokens, reasoningTokens },
});

Deno.test("totalUsage: the prompt counts once, answers each", () => {
  assertEquals(totalUsage([usage(64, 10, 4)]), usage(64, 10, 4));
  assertEquals(totalUsage([usage(96, 10, 4), usage(32, 7, 0), usage(96, 1, 1)]), usage(32, 18, 5));
  assertThrows(() => totalUsage([]), RangeError, "0 choices");
});

Deno.test("costOf: cached, fed and generated tokens at their prices", () => {
  const prices = { currency: "USD", cacheHit: 0.14, cacheMiss: 0.55, output: 2.19 };
  assertAlmostEquals(costOf(usage(64, 10, 4), prices), (64 * 0.14 + 36 * 0.55 + 21.9) / 1e6);
});
