/** Rewards that follow a published formula or pattern, with values worked out by hand from it. No answers, judges or models. */
import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import type { RewardBatch, RewardFunction } from "../reward.ts";
import { scoreRewards } from "../score_rewards.ts";
import { formatReward, tagCountReward, thinkFormatReward } from "./format.ts";
import { jsonSchemaReward } from "./json_schema.ts";
import { languageConsistencyReward } from "./language_consistency.ts";
import { repetitionPenaltyReward } from "./repetition_penalty.ts";
import { softOverlongPunishment } from "./soft_overlong.ts";

interface Rows {
  readonly completions?: readonly string[];
  readonly ids?: readonly (readonly number[])[];
  readonly columns?: RewardBatch["columns"];
}

/** Values of the function over rows, by way of `scoreRewards`; problems fail the test. */
async function scores(score: RewardFunction, rows: Rows): Promise<readonly (number | null)[]> {
  const size = (rows.completions ?? rows.ids)!.length;
  const batch: RewardBatch = {
    prompts: Array.from({ length: size }, () => "q"),
    completions: rows.completions ?? Array.from({ length: size }, () => ""),
    completionIds: rows.ids ?? Array.from({ length: size }, () => []),
    isFinished: Array.from({ length: size }, () => true),
    columns: rows.columns ?? {},
    step: 1,
  };
  const { values, problems } = await scoreRewards([{ name: "it", score }], batch);
  assertEquals(problems, []);
  return values.it;
}

const tokens = (count: number) => Array.from({ length: count }, () => 1);

Deno.test("think_format: TRL's pattern ^<think>(?!.*<think>)(.*?)</think>.*$", async () => {
  const values = await scores(thinkFormatReward(), {
    completions: [
      "<think>\nreasons\n</think>\nanswer",
      "<think></think>",
      "<think>a</think>b</think>c",
      "<think>no end",
      "no start</think>x",
      " <think>space first</think>",
      "text\n<think>on a later line</think>",
      "<think>twice <think>open</think>",
      "<think>closed</think><think>again</think>",
      "",
    ],
  });
  assertEquals(values, [1, 1, 1, 0, 0, 0, 0, 0, 0, 0]);
});

Deno.test("format: open-r1's pattern, tags on lines of their own", async () => {
  const good = "<think>\nr\n</think>\n<answer>\na\n</answer>";
  const values = await scores(formatReward(), {
    completions: [
      good,
      `${good}\nmore lines, which open-r1's multi-line $ allows`,
      `${good} more`,
      `x${good}`,
      good.replaceAll("\n", ""),
      good.replace("</think>\n", "</think>"),
      "<think>\nr\n</think>\n<answer>\na",
    ],
  });
  assertEquals(values, [1, 1, 0, 0, 0, 0, 0]);
});

Deno.test("tag_count: a quarter for each of open-r1's four tags that stands once", async () => {
  const values = await scores(tagCountReward(), {
    completions: [
      "<think>\nr\n</think>\n<answer>\na\n</answer>",
      "<think>\nr\n</think>\n",
      "<think>\n<think>\nr\n</think>\n<answer>\na\n</answer>",
      "<think>r</think><answer>a</answer>",
      "",
    ],
  });
  assertEquals(values, [1, 0.5, 0.75, 0, 0]);
});

Deno.test("soft_overlong_punishment: DAPO (2503.14476) equation 13 with L_max 100, L_cache 20", async () => {
  const reward = softOverlongPunishment({ maxCompletionLen: 100, softPunishCache: 20 });
  const ids = [0, 80, 81, 90, 100, 101, 500].map(tokens);
  // (80 - 81) / 20, (80 - 90) / 20, (80 - 100) / 20
  assertEquals(await scores(reward, { ids }), [0, 0, -0.05, -0.5, -1, -1, -1]);
  const hard = softOverlongPunishment({ maxCompletionLen: 100, softPunishCache: 0 });
  assertEquals(await scores(hard, { ids: [100, 101].map(tokens) }), [0, -1]);
  assertThrows(
    () => softOverlongPunishment({ maxCompletionLen: 1, softPunishCache: 2 }),
    RangeError,
  );
});

Deno.test("repetition_penalty: 2502.03373, appendix C.2: the share of repeated n-grams", async () => {
  const ids = [[1, 2, 3, 4], [5, 5, 5, 5, 5], [1, 2, 1, 2, 3], [7], []];
  // Pairs: 3 of 3 differ; 1 of 4; (1,2) (2,1) (1,2) (2,3): 3 of 4; none.
  const pairs = repetitionPenaltyReward({ ngramSize: 2 });
  assertEquals(await scores(pairs, { ids }), [0, -0.75, -0.25, 0, 0]);
  const triples = repetitionPenaltyReward({ ngramSize: 3, maxPenalty: -3 });
  // Triples of 5 5 5 5 5: 1 of 3.
  assertAlmostEquals((await scores(triples, { ids }))[1]!, -2);
  const words = repetitionPenaltyReward({ ngramSize: 1, unit: "word" });
  // The, the, cat, sat: 3 of 4 differ.
  assertEquals(await scores(words, { completions: ["The the cat\n sat", ""] }), [-0.25, 0]);
  assertThrows(() => repetitionPenaltyReward({ maxPenalty: 0.1 }), RangeError);
});

Deno.test("language_consistency: R1 (2501.12948) section 2.3.2: target words over words of the reasoning", async () => {
  const english = languageConsistencyReward({ language: "en" });
  const values = await scores(english, {
    completions: [
      "<think>We add two numbers</think> 我们",
      "<think>We add 我们</think>",
      "<think>$x + y$ 12 \\frac 3</think>",
      "no tags 是",
      "Sum это",
    ],
  });
  // 4 of 4; 2 words and 2 signs; nothing; 2 of 3; 1 of 2.
  assertEquals(values, [1, 0.5, null, 2 / 3, 0.5]);
  const chinese = languageConsistencyReward({ language: "zh", part: "whole" });
  assertEquals(await scores(chinese, { completions: ["我们 add", "<think>我</think>们"] }), [
    2 / 3,
    1,
  ]);
  const japanese = languageConsistencyReward({ language: "ja" });
  assertEquals(await scores(japanese, { completions: ["答えは yes"] }), [0.75]);
});

Deno.test("language_consistency: made languages by patterns or a classifier", async () => {
  const digits = languageConsistencyReward({ words: "[0-9a-j]", target: "[0-9]" });
  assertEquals(await scores(digits, { completions: ["<think>3 d 4 5</think>", "+ ="] }), [
    0.75,
    null,
  ]);
  const short = languageConsistencyReward({
    classify: (word) => word === "and" ? null : word.length < 4,
  });
  assertEquals(await scores(short, { completions: ["one and three"] }), [0.5]);
  assertThrows(() => languageConsistencyReward({ language: "xx" }), RangeError, "one of ar, bn");
  assertThrows(() => languageConsistencyReward({}), TypeError);
  assertThrows(() => languageConsistencyReward({ words: "a" }), TypeError);
});

Deno.test("json_schema: validity against one schema, or each row's own", async () => {
  const schema = { type: "object", required: ["city"], properties: { city: { type: "string" } } };
  const completions = [
    '{"city": "Oslo"}',
    '<think>{"no": 1}</think>\n```json\n{"city": "Oslo"}\n```',
    '{"city": 1}',
    "[]",
    "{city: Oslo}",
    "",
  ];
  assertEquals(await scores(jsonSchemaReward({ schema }), { completions }), [1, 1, 0, 0, 0, 0]);
  const lenient = jsonSchemaReward({ schema, invalid: 0.25 });
  assertEquals(await scores(lenient, { completions }), [1, 1, 0.25, 0.25, 0, 0]);
  const own = jsonSchemaReward({ column: "schema" });
  const columns = { schema: [{ type: "number" }, '{"type": "string"}'] };
  assertEquals(await scores(own, { completions: ["1", "1"], columns }), [1, 0]);
  assertThrows(() => jsonSchemaReward({}), TypeError, "needs a schema, or a column");
});
