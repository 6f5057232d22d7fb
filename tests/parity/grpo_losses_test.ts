/** Losses, metrics and gradients of every GRPO case against TRL's own, log-probabilities by the runtime's forward pass. No tape, no updates. */
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { existsSync } from "node:fs";
import { policyLoss, type PolicyLossResult, type TrlGrpoConfig } from "../../packages/grpo/mod.ts";
import { fixtureJson, fixturePath } from "../support/fixture.ts";
import {
  addGradients,
  type HeadGradients,
  headGradients,
  headParameters,
} from "../support/head_gradients.ts";
import {
  type FixtureBatch,
  policyModel,
  scoreBatch,
  type ScoredBatch,
} from "../support/policy_fixture.ts";
import { readSafetensors, type StoredTensor } from "../support/safetensors.ts";
import {
  ENTROPY_RELATIVE,
  F32_LOGPROB,
  norm,
  POLICY_GRADIENT,
  POLICY_LOSS_RELATIVE,
  POLICY_METRIC_RELATIVE,
  relativeError,
} from "../support/tolerance.ts";

const HEAD = "lm_head.weight";
const GAIN = "model.norm.weight";

/** A case; those with two batches add up their gradients and have no metrics. */
interface Case {
  readonly key: string;
  readonly batch: string | readonly string[];
  readonly config: TrlGrpoConfig;
  readonly loss?: number;
  readonly losses?: readonly number[];
  readonly metrics?: Readonly<Record<string, number>>;
  readonly grad_norms: Readonly<Record<string, number>>;
}

interface Reference {
  readonly batches: Readonly<Record<string, FixtureBatch>>;
  readonly cases: readonly Case[];
}

for (const name of ["llama_untied", "deepseek_v3"]) {
  Deno.test(`GRPO on ${name}: losses, metrics and gradients are TRL's`, async () => {
    const { batches, cases } = fixtureJson<Reference>(`grpo/${name}/grpo.json`);
    const scored = await scoreBatches(name, batches);
    const stored = storedGradients(name);
    const parameters = await headParameters(name);
    assert(cases.length > 30, `${cases.length} cases`);
    for (const one of cases) {
      const temperature = one.config.temperature ?? 1;
      const gradients = [one.batch].flat().map((id, part) => {
        const result = lossOf(batches[id], scored[id], one.config);
        checkNumbers(one, part, result);
        return headGradients(parameters, scored[id].tokens, result.gradLogps, temperature);
      });
      checkGradients(one, gradients.reduce(addGradients), stored);
    }
  });
}

async function scoreBatches(
  name: string,
  batches: Reference["batches"],
): Promise<Record<string, ScoredBatch>> {
  await using model = await policyModel(name);
  const scored: Record<string, ScoredBatch> = {};
  for (const [id, batch] of Object.entries(batches)) {
    scored[id] = await scoreBatch(model, batch, id === "temperature" ? 0.7 : 1);
    batch.expected_per_token_logps?.flat().forEach((logp, at) => {
      assertAlmostEquals(scored[id].logps.flat()[at], logp, F32_LOGPROB, `${id}: logp ${at}`);
    });
    batch.expected_entropy?.flat().forEach((entropy, at) => {
      const limit = ENTROPY_RELATIVE * Math.max(entropy, 1);
      assertAlmostEquals(scored[id].entropies.flat()[at], entropy, limit, `${id}: entropy ${at}`);
    });
  }
  return scored;
}

function lossOf(batch: FixtureBatch, scored: ScoredBatch, config: TrlGrpoConfig): PolicyLossResult {
  const input = {
    logps: scored.logps,
    oldLogps: batch.old_per_token_logps,
    refLogps: batch.ref_per_token_logps,
    mask: batch.completion_mask,
    advantages: batch.advantages,
    numItemsInBatch: batch.num_items_in_batch,
    entropies: scored.entropies,
  };
  return policyLoss(input, config);
}

function checkNumbers(one: Case, part: number, { loss, metrics }: PolicyLossResult): void {
  const wanted = one.losses?.[part] ?? one.loss ?? NaN;
  const limit = POLICY_LOSS_RELATIVE * Math.abs(wanted);
  assertAlmostEquals(loss, wanted, limit, `${one.key}: loss ${loss}, not ${wanted}`);
  if (!one.metrics) return;
  assertEquals(Object.keys(metrics).sort(), Object.keys(one.metrics).sort(), one.key);
  for (const [metric, value] of Object.entries(one.metrics)) {
    const message = `${one.key}: ${metric} ${metrics[metric]}, not ${value}`;
    assertAlmostEquals(metrics[metric], value, POLICY_METRIC_RELATIVE * value, message);
  }
}

/** `grads_selected` has the gain of every case, `grads_full` (of the whole reference folder) the head of some. */
function storedGradients(name: string): ReadonlyMap<string, StoredTensor> {
  const files = ["grads_selected", "grads_full"]
    .map((file) => fixturePath(`grpo/${name}/${file}.safetensors`));
  return new Map(files.filter(existsSync).flatMap((file) => [...readSafetensors(file)]));
}

function checkGradients(
  { key, grad_norms }: Case,
  { head, gain }: HeadGradients,
  stored: ReadonlyMap<string, StoredTensor>,
): void {
  const wantedGain = stored.get(`${key}/${GAIN}`)?.values;
  assert(wantedGain, `${key}: no gradient of the gain`);
  const error = relativeError(gain, wantedGain);
  assert(error <= POLICY_GRADIENT, `${key}: gradient of the gain is off by ${error}`);
  const norms = norm(head) / grad_norms[HEAD];
  assertAlmostEquals(norms, 1, POLICY_GRADIENT, `${key}: norm of the head's is off by ${norms}`);
  const wantedHead = stored.get(`${key}/${HEAD}`)?.values;
  if (!wantedHead) return;
  const headError = relativeError(head, wantedHead);
  assert(headError <= POLICY_GRADIENT, `${key}: gradient of the head is off by ${headError}`);
}
