/** Tests of which rows a round asks, and of sizes and metrics of rounds. */
import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { openTokenizer } from "@aha/runtime/tokenizer";
import { fixturePath } from "../../../../tests/support/fixture.ts";
import { readGrpoConfig } from "../read_config.ts";
import type { Task } from "../tasks/task.ts";
import { begunAnswer, promptIds, Questions } from "./questions.ts";
import { roundMetrics } from "./round_metrics.ts";
import { type GrpoSettings, roundSizes } from "./settings.ts";

const TASK: Task = {
  name: "letters",
  length: 5,
  row: (index) => ({ prompt: "abcde"[index], answer: index }),
};
const tokenizer = await openTokenizer(fixturePath("models/qwen2/gguf/model-Q8_0.gguf"));

Deno.test("questions: every row once an epoch, in an order of its own that a later start repeats", () => {
  const options = { seed: 4, shuffles: true, mostTokens: 9 };
  const indices = (from: number, count: number) =>
    new Questions(TASK, tokenizer, options).take(from, count).map(({ index }) => index);
  const all = indices(0, 15);
  for (const epoch of [0, 5, 10]) {
    assertEquals(all.slice(epoch, epoch + 5).toSorted(), [0, 1, 2, 3, 4]);
  }
  assertEquals(`${all.slice(0, 5)}` === `${all.slice(5, 10)}`, false);
  assertEquals(indices(7, 8), all.slice(7));
  const plain = new Questions(TASK, tokenizer, { ...options, shuffles: false });
  assertEquals(plain.take(3, 4).map(({ index }) => index), [3, 4, 0, 1]);
});

Deno.test("questions: empty tasks, empty and long prompts are named", () => {
  const options = { seed: 4, shuffles: false, mostTokens: 2 };
  const ask = (prompt: string) => () =>
    new Questions({ ...TASK, row: () => ({ prompt }) }, tokenizer, options).take(1, 1);
  assertThrows(ask(""), RangeError, "The prompt of row 1 of letters has 0 tokens");
  assertThrows(ask("a b c d e f g h i j"), RangeError, "the context leaves 2 besides");
  const none = { ...TASK, length: 0 };
  assertThrows(() => new Questions(none, tokenizer, options), RangeError, "has no rows");
});

Deno.test("questions: texts parse control tokens, messages go through the template", () => {
  const [end] = tokenizer.endIds;
  assertEquals(promptIds(tokenizer, tokenizer.tokenText(end)).includes(end), true);
  const messages = [{ role: "user", content: "Hi" }];
  assertEquals(promptIds(tokenizer, messages).length > promptIds(tokenizer, "Hi").length, true);
  assertEquals(begunAnswer("question <think>\n"), "<think>\n");
  assertEquals(begunAnswer("<think></think> question"), "");
});

const SETTINGS = {
  objective: readGrpoConfig({ gradient_accumulation_steps: 2, steps_per_generation: 4 }),
  numGenerations: 8,
  perDeviceTrainBatchSize: 4,
  numIterations: 3,
} as GrpoSettings;

Deno.test("rounds: sizes as TRL cuts them, and what does not go into each other", () => {
  assertEquals(roundSizes(SETTINGS), { prompts: 2, completions: 16, steps: 6 });
  const refused = (changes: Partial<GrpoSettings>, message: string) =>
    assertThrows(() => roundSizes({ ...SETTINGS, ...changes }), RangeError, message);
  refused({ numGenerations: 1 }, "num_generations is 1");
  refused({ numGenerations: 5 }, "it must divide the 16 completions");
  const objective = { ...SETTINGS.objective, gradientAccumulationSteps: 3 };
  refused({ objective }, "a multiple of gradient_accumulation_steps (3)");
});

Deno.test("rounds: metrics by hand, rows without a reward left out", () => {
  const metrics = roundMetrics({
    groupSize: 2,
    lengths: [2, 4, 6, 8],
    isFinished: [true, true, false, true],
    rewards: [1, 0, null, 0.5],
    byFunction: { exact: [1, 0, null, 0.5] },
  });
  assertEquals(metrics["completions/mean_length"], 5);
  assertEquals(metrics["completions/max_terminated_length"], 8);
  assertEquals(metrics["completions/clipped_ratio"], 0.25);
  assertEquals(metrics.reward, 0.5);
  assertAlmostEquals(metrics.reward_std, Math.SQRT1_2 / 2, 1e-12);
  assertEquals(metrics.frac_reward_zero_std, 0.5);
  assertEquals(metrics["rewards/unjudged"], 0.25);
  assertEquals(metrics["rewards/exact/mean"], 0.5);
  assertEquals(metrics["rewards/exact/std"], 0.5);
});
