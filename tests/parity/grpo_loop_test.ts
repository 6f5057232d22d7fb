/** What of whole updates needs no tape: advantages, old and reference log-probabilities, and the first step's loss and metrics. No later steps. */
import { assertAlmostEquals, assertEquals } from "@std/assert";
import {
  type AdvantageScale,
  groupAdvantages,
  type ImportanceSamplingLevel,
  type LossType,
  policyLoss,
} from "../../packages/grpo/mod.ts";
import { fixtureJson } from "../support/fixture.ts";
import { type FixtureBatch, policyModel, scoreBatch } from "../support/policy_fixture.ts";
import {
  ADVANTAGE_ABSOLUTE,
  F32_LOGPROB,
  POLICY_LOSS_ABSOLUTE,
  POLICY_LOSS_RELATIVE,
  POLICY_METRIC_RELATIVE,
} from "../support/tolerance.ts";

interface Loop {
  readonly model: string;
  readonly num_generations: number;
  readonly loss_type: LossType;
  readonly level: ImportanceSamplingLevel;
  readonly scale_rewards: AdvantageScale;
  readonly beta: number;
  readonly epsilon_high: number;
  readonly temperature: number;
  readonly max_completion_length: number;
  readonly lora: unknown;
  readonly rewards: readonly number[];
  readonly batch: FixtureBatch & { readonly old_per_token_logps: readonly (readonly number[])[] };
  readonly steps: readonly {
    readonly loss: number;
    readonly metrics: Readonly<Record<string, number>>;
  }[];
}

for (const folder of ["0_llama_untied", "1_llama_untied", "2_deepseek_v3", "3_qwen2"]) {
  Deno.test(`GRPO loop ${folder}: advantages, log-probabilities and the first step`, async () => {
    const loop = fixtureJson<Loop>(`grpo_loop/${folder}/loop.json`);
    const { batch, rewards, lora } = loop;
    const groups = { groupSize: loop.num_generations, scale: loop.scale_rewards };
    const advantages = groupAdvantages(rewards, groups);
    assertNear(advantages, batch.advantages, ADVANTAGE_ABSOLUTE, "advantage");

    await using model = await policyModel(loop.model);
    const reference = await scoreBatch(model, batch, loop.temperature);
    assertNear(
      reference.logps.flat(),
      batch.ref_per_token_logps.flat(),
      F32_LOGPROB,
      "reference logp",
    );
    // With adapters the policy is another model: its log-probabilities are taken from the file.
    const logps = lora ? batch.old_per_token_logps : reference.logps;
    assertNear(logps.flat(), batch.old_per_token_logps.flat(), F32_LOGPROB, "old logp");

    const { loss, metrics } = policyLoss({
      logps,
      refLogps: reference.logps,
      mask: batch.completion_mask,
      advantages,
      numItemsInBatch: batch.num_items_in_batch,
      entropies: lora ? undefined : reference.entropies,
    }, {
      loss_type: loop.loss_type,
      importance_sampling_level: loop.level,
      beta: loop.beta,
      epsilon_high: loop.epsilon_high,
      temperature: loop.temperature,
      max_completion_length: loop.max_completion_length,
    });
    checkStep(loop, loss, metrics);
  });
}

function checkStep(
  { steps: [step], lora }: Loop,
  loss: number,
  metrics: Readonly<Record<string, number>>,
): void {
  const limit = Math.max(POLICY_LOSS_RELATIVE * Math.abs(step.loss), POLICY_LOSS_ABSOLUTE);
  assertAlmostEquals(loss, step.loss, limit, `loss ${loss}, not ${step.loss}`);
  const wanted = Object.entries(step.metrics).filter(([name]) => !lora || name !== "entropy");
  assertEquals(Object.keys(metrics).sort(), wanted.map(([name]) => name).sort());
  for (const [name, value] of wanted) {
    const message = `${name} ${metrics[name]}, not ${value}`;
    assertAlmostEquals(metrics[name], value, POLICY_METRIC_RELATIVE * value, message);
  }
}

function assertNear(
  actual: readonly number[],
  expected: readonly number[],
  limit: number,
  what: string,
): void {
  assertEquals(actual.length, expected.length, what);
  expected.forEach((value, at) => {
    assertAlmostEquals(actual[at], value, limit, `${what} ${at}: ${actual[at]}, not ${value}`);
  });
}
