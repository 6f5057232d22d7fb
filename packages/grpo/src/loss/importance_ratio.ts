/** Importance ratios of the active tokens, and how a gradient goes back through them. Clips nothing. */
import type { ImportanceSamplingLevel } from "../config.ts";
import type { ActiveTokens } from "./active_tokens.ts";

/**
 * How much likelier each token is under the trained policy than under the one that sampled `[N]`.
 * At sequence level all tokens of a row have the row's: the exponential of the mean of their
 * differences (GSPO 2507.18071, eq. 7).
 */
export function importanceRatios(
  { starts, logps, oldLogps }: ActiveTokens,
  level: ImportanceSamplingLevel,
): Float64Array {
  const logRatios = logps.map((logp, n) => logp - oldLogps[n]);
  if (level === "sequence") {
    for (let row = 0; row + 1 < starts.length; row++) {
      const own = logRatios.subarray(starts[row], starts[row + 1]);
      own.fill(own.reduce((sum, value) => sum + value, 0) / own.length);
    }
  }
  return logRatios.map(Math.exp);
}

/**
 * From d loss / d ratio of each token `[N]` to d loss / d logp `[N]`: a token's ratio grows by itself
 * where its log-probability grows by 1; a row's by its share of one token, for all of its tokens.
 */
export function gradientThroughRatios(
  { starts }: ActiveTokens,
  level: ImportanceSamplingLevel,
  ratios: Float64Array,
  byRatio: Float64Array,
): Float64Array {
  // Where clipping has stopped the gradient it is 0, whatever the ratio: an infinite one too.
  const scaled = byRatio.map((value, n) => value === 0 ? 0 : value * ratios[n]);
  if (level === "sequence") {
    for (let row = 0; row + 1 < starts.length; row++) {
      const own = scaled.subarray(starts[row], starts[row + 1]);
      own.fill(own.reduce((sum, value) => sum + value, 0) / own.length);
    }
  }
  return scaled;
}
