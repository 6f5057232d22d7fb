/** The batch is what it is said to be, and other work is noticed. */
import { assertEquals, assertThrows } from "@std/assert";
import {
  expectSameWork,
  jobOf,
  NEW_TOKENS,
  PROMPT_TOKENS,
  PROMPTS,
  type Told,
} from "./workload.ts";

const NOTHING = {
  versions: {},
  cpuSeconds: [],
  rolloutSeconds: [],
  gradientNorms: [],
  entropies: [],
};

function told(changes: Partial<Told> = {}): Told {
  const probe = Array(PROMPT_TOKENS - 1).fill(-4);
  return { ...NOTHING, seconds: [1, 1], meanLengths: [NEW_TOKENS, NEW_TOKENS], probe, ...changes };
}

Deno.test("jobOf: prompts are different and have as many words as tokens are meant", () => {
  const places = { file: "", folder: "" };
  const { prompts, words } = jobOf({ ...places, way: "fast", threads: 2, steps: 1, peerBatch: 8 });
  assertEquals(new Set(prompts).size, PROMPTS);
  for (const prompt of prompts) {
    assertEquals(prompt.split(" ").length, PROMPT_TOKENS);
    assertEquals(prompt.split(" ").every((word) => words.includes(word)), true);
  }
});

Deno.test("expectSameWork: refuses short completions, missing steps and another model", () => {
  expectSameWork(told(), told(), 2);
  assertThrows(() => expectSameWork(told(), told({ meanLengths: [48, 47] }), 2), Error, "48,47");
  assertThrows(() => expectSameWork(told(), told({ seconds: [1] }), 2), Error, "1 steps");
  const probe = Array(PROMPT_TOKENS - 1).fill(-4.01);
  assertThrows(() => expectSameWork(told(), told({ probe }), 2), Error, "The models differ");
  assertThrows(() => expectSameWork(told(), told({ probe: [] }), 2), Error, "The models differ");
});
