/** Whole GRPO runs: they learn, the pass that trains is the one that samples, and neither threads nor parts change a bit. */
import { assert, assertEquals } from "@std/assert";
import type { StepRecord } from "@aha/grpo";
import { type SmallRun, smallRun } from "../support/small_grpo_run.ts";

const rewardsOf = (records: readonly StepRecord[]) => records.map(({ metrics }) => metrics.reward);

for (const seed of [1, 2, 3]) {
  Deno.test(`GRPO run, seed ${seed}: from a reward of chance to over 0.8 within 10 steps, by the reward's sign`, async () => {
    const run: SmallRun = { file: "llama_untied/gguf/model-F32", kind: "all" };
    const { records } = await smallRun({ ...run, settings: { seed } });
    const rewards = rewardsOf(records);
    assert(rewards[0] < 0.2, `begins at ${rewards[0]}`);
    assert(rewards[9] > 0.8, `${rewards[9]} at step 10`);
    assert(rewards[19] > 0.95, `${rewards[19]} at step 20`);
    const turned = await smallRun({ ...run, sign: -1, settings: { seed } });
    const wrong = rewardsOf(turned.records).map((reward) => -reward);
    assert(wrong[9] < 0.1, `${wrong[9]} right answers at step 10 where wrong ones are rewarded`);
  });
}

/** Bases with what is trained on them, and objectives that take all ways through the update. */
const RUNS: readonly SmallRun[] = [
  { file: "llama_untied/gguf/model-F32", kind: "all" },
  { file: "llama_untied/gguf/model-Q8_0", kind: "adapters" },
  { file: "deepseek_v3/gguf/model-F32", kind: "all" },
  { file: "deepseek_v3/gguf/model-Q8_0", kind: "adapters" },
];

for (const run of RUNS) {
  Deno.test(`GRPO run of ${run.file}, ${run.kind}: no mismatch, the same bits for threads and parts`, async () => {
    const shared = {
      ...run,
      objective: {
        loss_type: "dapo",
        beta: 0.04,
        temperature: 0.7,
        max_completion_length: 6,
        gradient_accumulation_steps: 2,
        steps_per_generation: 4,
      } as const,
    };
    const settings = { maxSteps: 8, perDeviceTrainBatchSize: 8, numGenerations: 8 };
    const wanted = await smallRun({ ...shared, settings, threads: 2 });
    const firstOfRound = wanted.records.filter((_, i) => i % 2 === 0);
    for (const { metrics } of firstOfRound) {
      assertEquals(metrics["sampling/sampling_logp_difference/max"], 0);
      assertEquals(metrics["sampling/importance_sampling_ratio/min"], 1);
      assertEquals(metrics["sampling/importance_sampling_ratio/mean"], 1);
      assertEquals(metrics["sampling/importance_sampling_ratio/max"], 1);
    }
    assert(wanted.records.some(({ metrics }) => metrics.grad_norm > 0));
    for (
      const change of [
        { threads: 1 },
        { settings: { ...settings, microBatchTokens: 16 } },
        { settings: { ...settings, gradientCheckpointing: true } },
      ]
    ) {
      const { numbers } = await smallRun({ ...shared, settings, threads: 2, ...change });
      assertEquals(numbers, wanted.numbers, JSON.stringify(change));
    }
  });
}

Deno.test("GRPO run: several iterations over a round, and a reference that follows", async () => {
  const run: SmallRun = {
    file: "llama_untied/gguf/model-F32",
    kind: "all",
    objective: { beta: 0.04, top_entropy_quantile: 0.5, max_completion_length: 3 },
    settings: { numIterations: 2, maxSteps: 8, refModelSyncSteps: 4 },
  };
  const { records } = await smallRun(run);
  assertEquals(records.map(({ step }) => step), [1, 2, 3, 4, 5, 6, 7, 8]);
  const kl = records.map(({ metrics }) => metrics.kl);
  assertEquals(kl[0], 0);
  assert(kl[3] > 0.05, `${kl}`);
  assert(kl[4] < kl[3] / 2, `the reference has not followed: ${kl}`);
});
