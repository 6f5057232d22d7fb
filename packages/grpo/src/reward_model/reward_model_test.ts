/** Tests of reward models: that they learn, in parts to the same bits, their files, judged pairs. */
import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { openTrainable } from "@aha/runtime/training";
import { fixturePath } from "../../../../tests/support/fixture.ts";
import { judgedPair, type PreferencePair, readPreferencePairs } from "./preference_pairs.ts";
import { loadRewardModel, rewardModelOf, writeRewardModel } from "./reward_model.ts";
import { RewardTrainer } from "./reward_trainer.ts";
import { type ScoredParts, scoredPolicy } from "./scored_policy.ts";

const MODEL = fixturePath("models/llama_untied/gguf/model-F32.gguf");
const TOOLS = { signal: new AbortController().signal };

/** The better answer says yes, whatever is asked. */
const PAIRS: PreferencePair[] = Array.from({ length: 12 }, (_, i) => ({
  prompt: `Question ${i}?`,
  chosen: `yes ${i}`,
  rejected: `no ${i}`,
}));

async function trained(parts: ScoredParts, microBatchPairs?: number) {
  const policy = await scoredPolicy(await openTrainable(MODEL), parts, 1);
  const trainer = new RewardTrainer(policy, {
    perDeviceTrainBatchSize: 4,
    numTrainEpochs: 6,
    optimizer: { weightDecay: 0 },
    schedule: { type: "constant", learningRate: 3e-3 },
    seed: 1,
    microBatchPairs,
  }, PAIRS);
  const metrics = [];
  while (trainer.steps < trainer.totalSteps) {
    metrics.push(...(await trainer.next()).records.map((record) => record.metrics));
  }
  trainer.free();
  return { policy, metrics };
}

async function scoresOf(policy: Parameters<typeof rewardModelOf>[0]): Promise<number[]> {
  const texts = PAIRS.flatMap(({ chosen, rejected }) => [chosen, rejected]);
  const prompts = PAIRS.flatMap(({ prompt }) => [prompt, prompt]);
  return [...await rewardModelOf(policy).score(prompts, texts, TOOLS)];
}

const LORA = { rank: 4, alpha: 8, targets: ["all-linear"] };
const ALL_PARTS: readonly (readonly [string, ScoredParts])[] = [
  ["all of the model", "all"],
  ["adapters", LORA],
];

for (const [name, parts] of ALL_PARTS) {
  Deno.test(`reward model, ${name}: learns, is saved and loaded to the same scores`, async () => {
    const { policy, metrics } = await trained(parts);
    assertAlmostEquals(metrics[0].loss, Math.LN2, 1e-6, "a head of zeros knows nothing");
    const last = metrics[metrics.length - 1];
    assert(last.accuracy === 1 && last.loss < 0.2, JSON.stringify(last));
    const wanted = await scoresOf(policy);
    const bytes: Uint8Array<ArrayBuffer>[] = [];
    await writeRewardModel({ write: (part) => void bytes.push(new Uint8Array(part)) }, policy);
    const loaded = await loadRewardModel(new Blob(bytes), { model: MODEL });
    const texts = PAIRS.map(({ chosen }) => chosen);
    const again = await loaded.score(PAIRS.map(({ prompt }) => prompt), texts, TOOLS);
    again.forEach((score, i) => assertAlmostEquals(score, wanted[2 * i], 1e-4));
    const other = fixturePath("models/qwen2/gguf/model-F32.gguf");
    await assertRejects(
      () => loadRewardModel(new Blob(bytes), { model: other }),
      Error,
      parts === "all" ? "is for another model" : "",
    );
    await loaded.close();
    await policy.model.close();
  });
}

Deno.test("reward model: pairs in parts give the same bits", async () => {
  const whole = await trained(LORA);
  const parts = await trained(LORA, 1);
  assertEquals(await scoresOf(parts.policy), await scoresOf(whole.policy));
  for (const { policy } of [whole, parts]) await policy.model.close();
});

Deno.test("reward model: judges must agree with themselves in both orders", async () => {
  const prefersLong = (_: unknown, first: string, second: string) =>
    Promise.resolve(first.length - second.length);
  const prefersFirst = () => Promise.resolve(1);
  assertEquals(await judgedPair(prefersLong, "q", ["long one", "short"]), {
    prompt: "q",
    chosen: "long one",
    rejected: "short",
  });
  assertEquals((await judgedPair(prefersLong, "q", ["a", "longer"]))?.chosen, "longer");
  assertEquals(await judgedPair(prefersLong, "q", ["long one", "short"], 3), null);
  assertEquals(await judgedPair(prefersFirst, "q", ["a", "b"]), null);
  assertEquals(await judgedPair(() => Promise.resolve(null), "q", ["a", "b"]), null);
});

Deno.test("reward model: files of pairs, bad rows by their lines", async () => {
  const file = (text: string) => ({ name: "p.jsonl", bytes: new TextEncoder().encode(text) });
  const good = '{"prompt":"q","chosen":[{"role":"assistant","content":"a"}],"rejected":"b"}';
  assertEquals(await readPreferencePairs(file(good)), [
    { prompt: "q", chosen: "a", rejected: "b" },
  ]);
  const bad = `${good}\n{"prompt":"q","chosen":"a"}\n{"prompt":"q","chosen":"a","rejected":"a"}`;
  const read = () => readPreferencePairs(file(bad));
  await assertRejects(read, Error, "line 2: rejected is missing; line 3: chosen and rejected are");
});
