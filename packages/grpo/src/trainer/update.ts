/** One step of the optimizer over batches of completions: losses, gradients, AdamW. Samples nothing. */
import type { ResolvedGrpoConfig } from "../config.ts";
import { policyLoss } from "../loss/policy_loss.ts";
import type { AdamWOptimizer } from "../optim/adamw.ts";
import { type Policy, policyNetwork } from "../policy/policy.ts";
import { addGradients, type GradientPassOptions, tokenLogps } from "../policy/token_pass.ts";
import { type Experience, maskOf, sequenceOf } from "./experience.ts";

/** What a step is given. */
export interface Update {
  /** Batches of `per_device_train_batch_size` completions, of each of which a loss is formed. */
  readonly batches: readonly (readonly Experience[])[];
  /** Whether the policy is still the one that has sampled: its log-probabilities are at hand then. */
  readonly isOnPolicy: boolean;
  /** Tokens that count in all batches of the round. */
  readonly numItemsInBatch: number;
  readonly learningRate: number;
}

/** What a step has done, under TRL's names. */
export type UpdateMetrics = Readonly<Record<string, number>>;

/**
 * The gradient of the GRPO objective over all batches, then a step. How many tokens are computed at once changes no bit:
 * the loss of each batch is formed of all its log-probabilities before anything goes back.
 *
 * Where the policy has not changed since it sampled, its log-probabilities are those of sampling, to the bit, so that one
 * pass is enough; what it computes is held against them (`sampling/sampling_logp_difference`).
 * @throws {RangeError} if the norm of the gradients is not finite; nothing is changed then
 */
export async function updatePolicy(
  policy: Policy,
  optimizer: AdamWOptimizer,
  objective: ResolvedGrpoConfig,
  { batches, isOnPolicy, numItemsInBatch, learningRate }: Update,
  options: Omit<GradientPassOptions, "temperature" | "withEntropies">,
): Promise<UpdateMetrics> {
  const all = batches.flat();
  const sequences = all.map(sequenceOf);
  const pass = { ...options, temperature: objective.temperature };
  const choosesTokens = objective.topEntropyQuantile < 1;
  const first = isOnPolicy && !choosesTokens ? undefined : await tokenLogps(
    policyNetwork(policy),
    sequences,
    { ...pass, withEntropies: choosesTokens },
  );
  const logps = first?.logps ?? all.map(({ oldLogps }) => oldLogps);
  let row = 0;
  const losses = batches.map((batch) => {
    const rows = [row, row += batch.length] as const;
    const hasReference = objective.beta > 0;
    return policyLoss({
      logps: logps.slice(...rows),
      oldLogps: isOnPolicy ? undefined : batch.map(({ oldLogps }) => oldLogps),
      refLogps: hasReference ? batch.map(({ refLogps = [] }) => refLogps) : undefined,
      mask: batch.map(maskOf),
      advantages: batch.map(({ advantage }) => advantage),
      numItemsInBatch,
      entropies: first?.entropies?.slice(...rows),
    }, objective);
  });
  const slopes = losses.flatMap(({ gradLogps }) => gradLogps);
  const done = await addGradients(policy, sequences, slopes, { ...pass, withEntropies: true });
  const { gradientNorm } = optimizer.step(learningRate);
  return {
    loss: losses.reduce((sum, { loss }) => sum + loss, 0),
    grad_norm: gradientNorm,
    learning_rate: learningRate,
    ...meansOf(losses.map(({ metrics }) => metrics)),
    entropy: meanEntropy(all, done.entropies ?? []),
    ...(isOnPolicy ? logpDifference(all, done.logps) : {}),
  };
}

/** Each metric's mean over those batches that have it. */
function meansOf(metrics: readonly UpdateMetrics[]): UpdateMetrics {
  const names = new Set(metrics.flatMap((one) => Object.keys(one)));
  return Object.fromEntries([...names].map((name) => {
    const values = metrics.map((one) => one[name]).filter((value) => Number.isFinite(value));
    return [name, values.reduce((sum, value) => sum + value, 0) / values.length];
  }));
}

function meanEntropy(rows: readonly Experience[], entropies: readonly Float32Array[]): number {
  let sum = 0;
  let count = 0;
  rows.forEach(({ counts }, i) => {
    if (!counts) return;
    sum = entropies[i].reduce((total, value) => total + value, sum);
    count += entropies[i].length;
  });
  return count > 0 ? sum / count : 0;
}

/** How far the pass that trains is from the one that sampled; TRL's names. All are 0 and 1 here, or something is broken. */
function logpDifference(
  rows: readonly Experience[],
  logps: readonly Float32Array[],
): UpdateMetrics {
  let sum = 0;
  let count = 0;
  let most = 0;
  const ratios = { min: 1, max: 1, sum: 0 };
  rows.forEach(({ oldLogps }, i) =>
    oldLogps.forEach((old, token) => {
      const difference = logps[i][token] - old;
      const size = Math.abs(difference);
      sum += size;
      count++;
      most = Math.max(most, size);
      const ratio = Math.exp(difference);
      ratios.min = Math.min(ratios.min, ratio);
      ratios.max = Math.max(ratios.max, ratio);
      ratios.sum += ratio;
    })
  );
  return {
    "sampling/sampling_logp_difference/mean": count > 0 ? sum / count : 0,
    "sampling/sampling_logp_difference/max": most,
    "sampling/importance_sampling_ratio/min": ratios.min,
    "sampling/importance_sampling_ratio/mean": count > 0 ? ratios.sum / count : 1,
    "sampling/importance_sampling_ratio/max": ratios.max,
  };
}
