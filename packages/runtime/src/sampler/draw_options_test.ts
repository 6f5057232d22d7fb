/** Tests of turning sampling options into draws: precedence, ranges, seeds. The draws themselves are core-rs's. */
import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import type { GenerateOptions } from "../events.ts";
import { drawsOf, type DrawState, R1_SAMPLING, type SamplingDefaults } from "./draw_options.ts";

const PROMPT = [5, 6, 5, 9];

/** Where a sequence stands after `answer`. */
function after(...answer: number[]): DrawState {
  const history = [...PROMPT, ...answer];
  return { position: history.length, history, promptLength: PROMPT.length };
}

function model(defaults: SamplingDefaults = {}) {
  return { defaults, endIds: new Set([2, 99]), vocabulary: 10 };
}

Deno.test("drawsOf: a request's options win over the model's, those over the whole distribution", () => {
  const r1 = model(R1_SAMPLING);
  const { seed: _seed, ...own } = drawsOf({ temperature: 0.3, topK: 5 }, r1)(after());
  const nothing = { alternatives: 0, bias: undefined, penalties: undefined };
  assertEquals(own, {
    ...{ temperature: 0.3, topK: 5, topP: 0.95, minP: 0 },
    ...{ choice: 0, position: 4, ...nothing },
  });
  const { seed: _other, ...plain } = drawsOf({}, model(), 2)({ ...after(), position: 0 });
  assertEquals(plain, {
    ...{ temperature: 0.6, topK: 0, topP: 1, minP: 0 },
    ...{ choice: 2, position: 0, ...nothing },
  });
  assertEquals(drawsOf({ topP: 1, minP: 0.2 }, r1)(after()).topP, 1);
});

Deno.test("drawsOf: the seed is split into two 32-bit halves", () => {
  const seedOf = (seed: number) => drawsOf({ seed }, model())(after()).seed;
  assertEquals(seedOf(0), [0, 0]);
  assertEquals(seedOf(7), [7, 0]);
  assertEquals(seedOf(2 ** 32 + 7), [7, 1]);
  assertEquals(seedOf(Number.MAX_SAFE_INTEGER), [2 ** 32 - 1, 2 ** 21 - 1]);
});

Deno.test("drawsOf: without a seed each request draws its own, the same at all positions", () => {
  const one = drawsOf({}, model());
  assertEquals(one(after()).seed, one(after(1)).seed);
  assertNotEquals(one(after()).seed, drawsOf({}, model())(after()).seed);
});

Deno.test("drawsOf: a temperature too low for 1 / T in float32 is greedy", () => {
  const temperatureOf = (temperature: number) =>
    drawsOf({ temperature }, model())(after()).temperature;
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
    ["repeatPenalty", 0],
    ["repeatPenalty", 101],
    ["repeatLastTokens", -1],
    ["repeatLastTokens", 1.5],
    ["presencePenalty", 2.1],
    ["frequencyPenalty", -2.1],
    ["frequencyPenalty", NaN],
    ["topLogprobs", -1],
    ["topLogprobs", 21],
    ["topLogprobs", 1.5],
    ["minTokens", -1],
    ["minTokens", 0.5],
  ];
  for (const [name, value] of wrong) {
    const part = `${name} is ${value}, it must`;
    assertThrows(() => drawsOf({ [name]: value }, model()), RangeError, part);
    if (/^(temp|top[PK]|minP)/.test(name)) {
      assertThrows(() => drawsOf({}, model({ [name]: value })), RangeError, part);
    }
  }
  assert(drawsOf({ topK: 2 ** 31 - 1 }, model())(after()).topK > 0);
  for (const id of ["10", "-1", "1.5", "a"]) {
    const part = `logitBias has the token id ${id}, which is outside the vocabulary of 10`;
    assertThrows(() => drawsOf({ logitBias: { [id]: 1 } }, model()), RangeError, part);
  }
  for (const bias of [101, -101, Infinity, NaN]) {
    const part = `logitBias of token 3 is ${bias}, it must lie between -100 and 100`;
    assertThrows(() => drawsOf({ logitBias: { 3: bias } }, model()), RangeError, part);
  }
});

Deno.test("drawsOf: the bias is the request's, and end tokens are excluded before minTokens", () => {
  const bias = { 3: 1.5, 2: 4, 9: -Infinity };
  const draws = drawsOf({ logitBias: bias, minTokens: 2 }, model());
  const early = [[2, -Infinity], [3, 1.5], [9, -Infinity]];
  const biasOf = (...answer: number[]) =>
    [...draws(after(...answer)).bias ?? []].sort(([a], [b]) => a - b);
  assertEquals([biasOf(), biasOf(1)], [early, early] as [number, number][][]);
  assertEquals(biasOf(1, 2), [[2, 4], [3, 1.5], [9, -Infinity]]);
  assertEquals(draws({ ...after(1, 2), mayEnd: false }).bias?.get(2), -Infinity);
  assertEquals(draws({ ...after(1, 2), mayEnd: true }).bias?.get(2), 4);
  assertEquals(draws({ ...after(1), mayEnd: true }).bias?.get(2), -Infinity);
  const only = drawsOf({ minTokens: 1 }, model());
  assertEquals([...only(after()).bias ?? []], [[2, -Infinity]]);
  assertEquals(only(after(7)).bias, undefined);
});

Deno.test("drawsOf: penalties count a window over all, and the answer alone", () => {
  const options = { repeatPenalty: 1.2, repeatLastTokens: 3, frequencyPenalty: 0.5 };
  const draws = drawsOf({ ...options, topLogprobs: 4 }, model());
  const { penalties, alternatives } = draws(after());
  assertEquals(alternatives, 4);
  assertEquals(penalties, {
    ...{ repeat: 1.2, recent: new Map([[6, 1], [5, 1], [9, 1]]) },
    ...{ presence: 0, frequency: 0.5, answered: new Map() },
  });
  const later = draws(after(9, 9, 3)).penalties;
  assertEquals(later?.recent, new Map([[9, 2], [3, 1]]));
  assertEquals(later?.answered, new Map([[9, 2], [3, 1]]));
  const whole = drawsOf({ presencePenalty: 1 }, model())(after(1)).penalties;
  assertEquals(whole?.recent, new Map([[5, 2], [6, 1], [9, 1], [1, 1]]), "64 tokens by default");
});

Deno.test("drawsOf: guesses count for their own draw, and leave no trace in later ones", () => {
  const options = { repeatPenalty: 1.2, repeatLastTokens: 3, frequencyPenalty: 0.5, minTokens: 2 };
  const fresh = (...answer: number[]) =>
    drawsOf({ ...options, seed: 1 }, model())(after(...answer));
  const draws = drawsOf({ ...options, seed: 1 }, model());
  const now = draws(after(9));
  const guessed = draws({ ...after(9, 3, 9), ahead: 2 });
  assertEquals([now, guessed], [fresh(9), fresh(9, 3, 9)]);
  assertEquals(draws(after(9, 4)), fresh(9, 4));
  assertEquals(draws(after(9, 4, 4)), fresh(9, 4, 4));
});
