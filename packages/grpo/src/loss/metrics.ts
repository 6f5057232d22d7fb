/** What TRL logs of a policy loss, under TRL's names. No part of the loss. */
import type { ResolvedGrpoConfig } from "../config.ts";
import type { ActiveTokens } from "./active_tokens.ts";

/**
 * Means over the tokens of the batch; at sequence level, ratios count once a row. A row without
 * tokens is left out of extremes over rows; where no row has any they are NaN.
 */
export function policyMetrics(
  tokens: ActiveTokens,
  ratios: Float64Array,
  kl: Float64Array | null,
  config: ResolvedGrpoConfig,
): Record<string, number> {
  const metrics: Record<string, number> = {};
  if (kl) metrics["kl"] = meanOf(kl);
  if (tokens.entropies) metrics["entropy"] = meanOf(tokens.entropies);
  const samples = ratioSamples(tokens, ratios, config);
  if (config.lossType === "cispo") {
    const isCut = (ratio: number, advantage: number) => ratio > config.epsilonHigh && advantage > 0;
    metrics["cispo_clip_ratio"] = clipShare(samples, tokens.advantages, isCut).mean;
  } else if (config.lossType !== "sapo") {
    Object.assign(metrics, clipRatios(samples, tokens.advantages, config));
  }
  return metrics;
}

function clipRatios(
  samples: readonly Float64Array[],
  advantages: Float64Array,
  { epsilon, epsilonHigh, delta }: ResolvedGrpoConfig,
): Record<string, number> {
  const isLow = (ratio: number, advantage: number) =>
    Math.min(ratio, delta) < 1 - epsilon && advantage < 0;
  const isHigh = (ratio: number, advantage: number) =>
    Math.min(ratio, delta) > 1 + epsilonHigh && advantage > 0;
  const low = clipShare(samples, advantages, isLow);
  const high = clipShare(samples, advantages, isHigh);
  return {
    "clip_ratio/low_mean": low.mean,
    "clip_ratio/low_min": low.min,
    "clip_ratio/high_mean": high.mean,
    "clip_ratio/high_max": high.max,
    "clip_ratio/region_mean": low.mean + high.mean,
  };
}

/** The ratios of each row that metrics count: of its tokens, or its only one, 1 for a row without tokens. */
function ratioSamples(
  { starts }: ActiveTokens,
  ratios: Float64Array,
  { importanceSamplingLevel }: ResolvedGrpoConfig,
): Float64Array[] {
  return Array.from({ length: starts.length - 1 }, (_, row) => {
    const own = ratios.subarray(starts[row], starts[row + 1]);
    return importanceSamplingLevel === "token" ? own : Float64Array.of(own[0] ?? 1);
  });
}

/** Share of the samples for which the test holds: over all, and its extremes over rows. */
function clipShare(
  samples: readonly Float64Array[],
  advantages: Float64Array,
  holds: (ratio: number, advantage: number) => boolean,
): { readonly mean: number; readonly min: number; readonly max: number } {
  const hits = samples.map((own, row) =>
    own.reduce((sum, ratio) => sum + Number(holds(ratio, advantages[row])), 0)
  );
  const counts = samples.map(({ length }) => length);
  const shares = hits.map((hit, row) => hit / counts[row]).filter((share) => !Number.isNaN(share));
  const total = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);
  return {
    mean: total(hits) / Math.max(total(counts), 1),
    min: shares.reduce((least, share) => Math.min(least, share), shares[0] ?? NaN),
    max: shares.reduce((most, share) => Math.max(most, share), shares[0] ?? NaN),
  };
}

function meanOf(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(values.length, 1);
}
