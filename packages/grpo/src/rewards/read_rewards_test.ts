/** Rewards out of config objects: names, aliases, options in both spellings, errors. Scores little. */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { BUILT_IN_REWARDS } from "./builtin/catalogue.ts";
import { readRewards, type RewardChoice } from "./read_rewards.ts";

Deno.test("readRewards: names of TRL and open-r1, weights, metrics", async () => {
  const rewards = await readRewards([
    "accuracy",
    { name: "accuracy_reward", metric: "strict", weight: -0.5, places: "latex", timeout_ms: 5 },
    { name: "get_repetition_penalty_reward", ngram_size: 2, maxPenalty: -2, unit: null },
    { name: "cosine", max_len: 10 },
  ]);
  assertEquals(rewards.map(({ name, weight, timeoutMs }) => [name, weight, timeoutMs]), [
    ["accuracy_reward", undefined, undefined],
    ["strict", -0.5, 5],
    ["repetition_penalty_reward", undefined, undefined],
    ["cosine_scaled_reward", undefined, undefined],
  ]);
});

Deno.test("readRewards: lengths come from the run where the config has none", async () => {
  const config = { name: "soft_overlong_punishment", soft_punish_cache: 2 };
  const [{ score }] = await readRewards([config], { maxCompletionLength: 4 });
  const batch = {
    prompts: [""],
    completions: [""],
    completionIds: [[1, 2, 3]],
    isFinished: [true],
    columns: {},
    step: 0,
  };
  assertEquals(await score(batch, { signal: new AbortController().signal }), [-0.5]);
  await assertRejects(() => readRewards([config]), TypeError, "no longest length");
});

Deno.test("readRewards: errors name the reward, the option and what is allowed", async () => {
  const refused = (config: RewardChoice, message: string) =>
    assertRejects(() => readRewards([config]), TypeError, message);
  await refused({ name: "acuracy" }, "there is no reward acuracy; there are accuracy, ");
  await refused(
    { name: "accuracy", colum: "a" },
    "accuracy has no option colum, it has column, places",
  );
  await refused(
    { name: "accuracy", places: "here" },
    'places of reward accuracy is "here", it must be one of any, latex',
  );
  await refused(
    { name: "soft_overlong" },
    "soft_overlong has no soft_punish_cache, it must be a whole number",
  );
  await refused(
    { name: "format", weight: "1" as unknown as number },
    'weight of reward format is "1"',
  );
  await refused({ name: "cosine", max_len: 1, maxLen: 1 }, "twice, in two spellings");
  await refused(
    { name: "judge", url: "http://127.0.0.1:1" },
    "judge has no model, it must be a text",
  );
  await refused(
    { name: "judge", url: "u", model: "m", range: [5, 1] },
    "range of reward judge is [5,1]",
  );
  await refused({ name: "language_consistency" }, "language_consistency needs one of");
  await refused({ name: "reward_model", model: "rm.gguf" }, "the run gives no loadRewardModel");
  await refused(
    { name: "./mine.ts", column: "a" },
    "./mine.ts has no option column, it has export, process",
  );
});

Deno.test("readRewards: every built-in reward has a name of its own", () => {
  const names = BUILT_IN_REWARDS.flatMap((reward) => reward.names);
  assertEquals(new Set(names).size, names.length);
  for (const { names: [metric] } of BUILT_IN_REWARDS) assertStringIncludes(metric, "_reward");
});
