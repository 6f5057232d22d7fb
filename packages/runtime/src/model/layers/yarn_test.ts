/** Tests of YaRN's numbers against the figures that DeepSeek's published code gives for its own models. */
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { yarnDivisors, yarnMagnitude, yarnScoreFactor } from "./yarn.ts";

/** DeepSeek-V3's: 40 times 4096 positions, 64 rotary elements, base 10000. */
const V3 = { factor: 40, originalContextTokens: 4096, betaFast: 32, betaSlow: 1 };

Deno.test("yarnDivisors: fast pairs stay, slow ones are interpolated, a ramp between", () => {
  const divisors = yarnDivisors(V3, 64, 10000);
  assertEquals(divisors.length, 32);
  // A pair i turns 4096 / (2 pi 10000^(i / 32)) times: 32 times at i = 10.47, once at i = 22.51.
  assert(divisors.subarray(0, 11).every((divisor) => divisor === 1));
  assert(divisors.subarray(23).every((divisor) => Math.abs(divisor - 40) < 1e-4));
  for (let pair = 11; pair < 23; pair++) {
    const interpolated = (pair - 10) / 13;
    const frequency = 1 - interpolated + interpolated / 40;
    assertAlmostEquals(divisors[pair], 1 / frequency, 1e-5);
  }
});

Deno.test("yarnDivisors: a context hardly stretched keeps within the pairs there are", () => {
  const divisors = yarnDivisors({ ...V3, factor: 2, originalContextTokens: 4 }, 8, 10000);
  assert(divisors.every((divisor) => divisor >= 1 && divisor <= 2));
  assertEquals(divisors[3], 2);
});

Deno.test("attention factors: on the scores where the model has a multiplier, else on cos and sin", () => {
  const deepseek = { ...V3, logMultiplier: 0.1 };
  assertAlmostEquals(yarnScoreFactor(deepseek), 1.3688879 ** 2, 1e-6);
  assertEquals(yarnMagnitude(deepseek), 1);
  assertEquals(yarnScoreFactor(V3), 1);
  assertAlmostEquals(yarnMagnitude(V3), 1.3688879, 1e-6);
});
