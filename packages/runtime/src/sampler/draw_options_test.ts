/** Tests of turning sampling options into draws: precedence, ranges, seeds. The draws themselves are core-rs's. */
import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import type { GenerateOptions } from "../events.ts";
import { drawsOf, R1_SAMPLING } from "./draw_options.ts";

Deno.test("drawsOf: a request's options win over the model's, those over the whole distribution", () => {
  const { seed: _seed, ...own } = drawsOf({ temperature: 0.3, topK: 5 }, R1_SAMPLING)(9);
  assertEquals(own, {
    temperature: 0.3,
    topK: 5,
    topP: 0.95,
    minP: 0,
    choice: 0,
    position: 9,
  });
  const { seed: _other, ...plain } = drawsOf({}, {}, 2)(0);
  assertEquals(plain, { temperature: 0.6, topK: 0, topP: 1, minP: 0, choice: 2, position: 0 });
  assertEquals(drawsOf({ topP: 1, minP: 0.2 }, R1_SAMPLING)(1).topP, 1);
});

Deno.test("drawsOf: the seed is split into two 32-bit halves", () => {
  const seedOf = (seed: number) => drawsOf({ seed }, {})(3).seed;
  assertEquals(seedOf(0), [0, 0]);
  assertEquals(seedOf(7), [7, 0]);
  assertEquals(seedOf(2 ** 32 + 7), [7, 1]);
  assertEquals(seedOf(Number.MAX_SAFE_INTEGER), [2 ** 32 - 1, 2 ** 21 - 1]);
});

Deno.test("drawsOf: without a seed each request draws its own, the same at all positions", () => {
  const one = drawsOf({}, {});
  assertEquals(one(1).seed, one(2).seed);
  assertNotEquals(one(1).seed, drawsOf({}, {})(1).seed);
});

Deno.test("drawsOf: a temperature too low for 1 / T in float32 is greedy", () => {
  const temperatureOf = (temperature: number) => drawsOf({ temperature }, {})(1).temperature;
  for (const low of [0, 1e-300, 1e-40, 9e-7]) assertEquals(temperatureOf(low), 0);
  assertEquals(temperatureOf(1e-6), 1e-6);
  assertEquals(temperatureOf(100), 100);
});

Deno.test("drawsOf: values out of range are refused, the model's too", () => {
  const wrong: [keyof GenerateOptions, number][] = [
    ["temperature", -0.1],
    ["temperature", 101],
    ["temperature", NaN],
    ["topP", 1.5],
    ["topP", -1],
    ["minP", 2],
    ["topK", -1],
    ["topK", 2 ** 31],
    ["topK", 1.5],
    ["seed", -1],
    ["seed", 2 ** 53],
    ["seed", 1.5],
  ];
  for (const [name, value] of wrong) {
    const part = `${name} is ${value}, it must`;
    assertThrows(() => drawsOf({ [name]: value }, {}), RangeError, part);
    if (name !== "seed") assertThrows(() => drawsOf({}, { [name]: value }), RangeError, part);
  }
  assert(drawsOf({ topK: 2 ** 31 - 1 }, {})(1).topK > 0);
});
