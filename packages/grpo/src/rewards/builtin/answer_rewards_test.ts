/** Rewards for right answers, alone and scaled by length. Which answers are equal is tested in `answer/`. */
import { assertAlmostEquals, assertEquals, assertStringIncludes } from "@std/assert";
import type { RewardBatch, RewardFunction } from "../reward.ts";
import { type RewardScores, scoreRewards } from "../score_rewards.ts";
import { accuracyReward, reasoningAccuracyReward } from "./accuracy.ts";
import { cosineScaledReward } from "./cosine_scaled.ts";
import { rewardModelReward } from "./reward_model.ts";

function score(
  score: RewardFunction,
  completions: readonly string[],
  columns: RewardBatch["columns"],
  lengths: readonly number[] = completions.map(() => 1),
): Promise<RewardScores> {
  return scoreRewards([{ name: "it", score }], {
    prompts: completions.map((_, row) => `question ${row}`),
    completions,
    completionIds: lengths.map((length) => new Uint32Array(length)),
    isFinished: completions.map(() => true),
    columns,
    step: 1,
  });
}

Deno.test("accuracy: 1, 0, and null where the gold answer cannot be read", async () => {
  const completions = [
    "\\boxed{0.75}",
    "\\boxed{4/3}",
    "",
    "<think>\\boxed{9}</think> It is 3/4.",
    "7",
  ];
  const gold = "$\\frac{3}{4}$";
  const { values, problems } = await score(accuracyReward(), completions, {
    solution: [gold, gold, gold, gold, ""],
    answer: ["other", "other", "other", "other", "other"],
  });
  assertEquals(values.it, [1, 0, 0, 1, null]);
  assertEquals(problems, []);
  const columns = { gold: [3, 4n, "5"] };
  const named = await score(accuracyReward({ column: "gold" }), ["3", "4", "6"], columns);
  assertEquals(named.values.it, [1, 1, 0]);
});

Deno.test("accuracy: a missing column is named, with those that there are", async () => {
  const { values, problems } = await score(accuracyReward(), ["1", "2"], { question: ["a", "b"] });
  assertEquals(values.it, [null, null]);
  assertEquals(problems[0].row, 0);
  assertStringIncludes(problems[0].message, "no column solution or answer, the task has question");
  const wrong = await score(accuracyReward(), ["1", "2"], { answer: [null, "2"] });
  assertEquals(wrong.values.it, [null, 1]);
  assertStringIncludes(wrong.problems[0].message, "column answer holds null, not a text");
});

Deno.test("reasoning_accuracy: TRL's: reasoning that does not end is wrong", async () => {
  const completions = ["a</think> \\boxed{1}", "\\boxed{1}", "x</think>\\boxed{2}"];
  const { values } = await score(reasoningAccuracyReward(), completions, { answer: [1, 1, 1] });
  assertEquals(values.it, [1, 0, 0]);
  const other = reasoningAccuracyReward({ delimiters: ["[/T]", "</think>"] });
  const tagged = await score(other, ["2[/T]1", "2</think>1"], { answer: [1, 1] });
  assertEquals(tagged.values.it, [1, 1]);
});

Deno.test("cosine_scaled: 2502.03373, appendix C.1, by tokens, held beyond the longest length", async () => {
  const completions = ["1", "1", "1", "1", "2", "2", "2", "2", "1"];
  const lengths = [0, 50, 100, 150, 0, 50, 100, 1000, 10];
  const answer = [1, 1, 1, 1, 1, 1, 1, 1, ""];
  const { values } = await score(
    cosineScaledReward({ maxLen: 100 }),
    completions,
    { answer },
    lengths,
  );
  // Right: from 1 down to 0.5; wrong: from -1 up to -0.5. cos(pi / 2) = 0 halves the way.
  [1, 0.75, 0.5, 0.5, -1, -0.75, -0.5, -0.5].forEach((wanted, row) =>
    assertAlmostEquals(values.it[row]!, wanted, 1e-12)
  );
  assertEquals(values.it[8], null);
  const own = cosineScaledReward({ maxLen: 3, minValueCorrect: 0, maxValueCorrect: 4 });
  // At a third of the way: (4 / 2) * (1 + cos(60 degrees)) = 3.
  assertAlmostEquals((await score(own, ["1"], { answer: [1] }, [1])).values.it[0]!, 3, 1e-12);
});

Deno.test("reward_model: is given the answer alone, or all of it", async () => {
  const seen: string[][] = [];
  const model = {
    score: (prompts: readonly unknown[], answers: readonly string[]) => {
      seen.push([...answers, String(prompts[0])]);
      return answers.map((answer) => answer.length);
    },
  };
  const completions = ["<think>long</think>ab", "abc"];
  assertEquals((await score(rewardModelReward(model), completions, {})).values.it, [2, 3]);
  await score(rewardModelReward(model, { part: "whole" }), completions, {});
  assertEquals(seen, [["ab", "abc", "question 0"], ["<think>long</think>ab", "abc", "question 0"]]);
});
