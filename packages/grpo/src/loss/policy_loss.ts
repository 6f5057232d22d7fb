/** The loss of a batch of completions and its gradient by their log-probabilities. Runs no model and keeps no state. */
import type { GrpoConfig, ResolvedGrpoConfig, TrlGrpoConfig } from "../config.ts";
import { readGrpoConfig } from "../read_config.ts";
import { type ActiveTokens, activeTokens, type PolicyLossInput, scatter } from "./active_tokens.ts";
import { highEntropyTokens } from "./entropy_mask.ts";
import { gradientThroughRatios, importanceRatios } from "./importance_ratio.ts";
import { klTerm } from "./kl_term.ts";
import { policyMetrics } from "./metrics.ts";
import { NO_TERM, policyTerm } from "./policy_term.ts";
import { tokenWeights } from "./token_weights.ts";

/** What `policyLoss` gives. */
export interface PolicyLossResult {
  /** What is minimized: this batch's part of the loss of one step of the optimizer. */
  readonly loss: number;
  /** d loss / d logps `[B][T]`, 0 where masked. */
  readonly gradLogps: Float64Array[];
  /** TRL's names: `kl`, `entropy`, `clip_ratio/...`, `cispo_clip_ratio`, where the loss has them. */
  readonly metrics: Readonly<Record<string, number>>;
}

/**
 * The loss of completions `[B][T]`, its exact gradient by `logps` and TRL's metrics, in float64.
 *
 * Pure: masked places may hold anything, rows may be padded or ragged, and the results are the same
 * bits. docs/losses.md derives each loss.
 *
 * Throws a RangeError or TypeError that names the key for wrong values of the configuration, and one
 * that names the input, row and token for rows that do not match or numbers that are not finite.
 *
 * @example
 * ```ts
 * import { policyLoss } from "@aha/grpo";
 *
 * const { loss, gradLogps, metrics } = policyLoss({
 *   logps: [[-1.2, -0.3], [-0.9]],
 *   oldLogps: [[-1.3, -0.3], [-0.5]],
 *   mask: [[1, 1], [1]],
 *   advantages: [0.7, -0.7],
 * }, { lossType: "dapo", epsilonHigh: 0.28 });
 * console.log(loss, gradLogps[0], metrics["clip_ratio/low_mean"]);
 * ```
 */
export function policyLoss(
  input: PolicyLossInput,
  config: GrpoConfig | TrlGrpoConfig,
): PolicyLossResult {
  const values = readGrpoConfig(config);
  const tokens = activeTokens(input);
  const ratios = importanceRatios(tokens, values.importanceSamplingLevel);
  const weights = tokenWeights(tokens, values, input.numItemsInBatch);
  const { loss, byRatio, byLogp, kl } = weightedTerms(tokens, ratios, weights, values);
  const level = values.importanceSamplingLevel;
  const throughRatios = gradientThroughRatios(tokens, level, ratios, byRatio);
  const gradient = byLogp.map((value, n) => value + throughRatios[n]);
  return {
    loss,
    gradLogps: scatter(tokens, gradient, input.mask),
    metrics: policyMetrics(tokens, ratios, kl, values),
  };
}

/** The sum of all tokens' terms, and its derivatives by each token's ratio and log-probability `[N]`. */
function weightedTerms(
  tokens: ActiveTokens,
  ratios: Float64Array,
  weights: Float64Array,
  config: ResolvedGrpoConfig,
) {
  const { starts, logps, advantages } = tokens;
  const { beta, useBiasCorrectionKl } = config;
  const term = policyTerm(config);
  const chosen = chosenTokens(tokens, config);
  const refLogps = beta > 0 ? referenceLogps(tokens) : null;
  const byRatio = new Float64Array(logps.length);
  const byLogp = new Float64Array(logps.length);
  const kl = refLogps && new Float64Array(logps.length);
  let loss = 0;
  for (let row = 0; row < advantages.length; row++) {
    const weight = weights[row];
    for (let n = starts[row]; n < starts[row + 1]; n++) {
      const policy = !chosen || chosen[n] ? term(ratios[n], advantages[row], logps[n]) : NO_TERM;
      const divergence = refLogps
        ? klTerm(logps[n], refLogps[n], ratios[n], useBiasCorrectionKl)
        : NO_TERM;
      loss += weight * (policy.value + beta * divergence.value);
      byRatio[n] = weight * (policy.byRatio + beta * divergence.byRatio);
      byLogp[n] = weight * (policy.byLogp + beta * divergence.byLogp);
      if (kl) kl[n] = divergence.value;
    }
  }
  return { loss, byRatio, byLogp, kl };
}

/** Which tokens the policy's term is for, `null` for all. */
function chosenTokens(
  { entropies }: ActiveTokens,
  { topEntropyQuantile }: ResolvedGrpoConfig,
): boolean[] | null {
  if (topEntropyQuantile === 1) return null;
  if (entropies) return highEntropyTokens(entropies, topEntropyQuantile);
  throw new TypeError(
    `entropies is missing: top_entropy_quantile ${topEntropyQuantile} chooses tokens by them`,
  );
}

function referenceLogps({ refLogps }: ActiveTokens): Float64Array {
  if (refLogps) return refLogps;
  throw new TypeError("refLogps is missing: beta above 0 asks for the divergence from them");
}
