/** YaRN's frequencies and attention factors (Peng et al. 2309.00071), as numbers. Rotates nothing. */
import type { YarnConfig } from "../config/rope_config.ts";

/** The paper's multiplier of ln s in the attention factor (section 3.4). */
const LOG_MULTIPLIER = 0.1;

/**
 * One divisor for each pair's frequency (section 3.2, "NTK-by-parts"): 1 for pairs that turn often over the original
 * context, the factor for those that hardly turn, a blend by a ramp over pairs between.
 */
export function yarnDivisors(yarn: YarnConfig, rotarySize: number, base: number): Float32Array {
  const { factor, betaFast, betaSlow } = yarn;
  const low = Math.max(0, Math.floor(pairOf(betaFast, yarn, rotarySize, base)));
  const high = Math.min(rotarySize - 1, Math.ceil(pairOf(betaSlow, yarn, rotarySize, base)));
  return Float32Array.from({ length: rotarySize / 2 }, (_, pair) => {
    const ramp = (pair - low) / Math.max(0.001, high - low);
    const interpolated = Math.min(1, Math.max(0, ramp));
    return 1 / (1 - interpolated + interpolated / factor);
  });
}

/** The pair, as a fraction, that turns so many times over the original context. */
function pairOf(turns: number, yarn: YarnConfig, rotarySize: number, base: number): number {
  const wavelength = yarn.originalContextTokens / (turns * 2 * Math.PI);
  return rotarySize * Math.log(wavelength) / (2 * Math.log(base));
}

/** Factor on cos and sin: the paper's, unless the model multiplies the scores by its own. */
export function yarnMagnitude({ factor, logMultiplier }: YarnConfig): number {
  return logMultiplier === undefined ? 1 + LOG_MULTIPLIER * Math.log(factor) : 1;
}

/**
 * Factor on the scores: DeepSeek-V2's and V3's mscale, squared since q and k both carry it. Their cos and sin stay as
 * they are, because `mscale` equals `mscale_all_dim` in all published models.
 */
export function yarnScoreFactor({ factor, logMultiplier }: YarnConfig): number {
  return logMultiplier === undefined ? 1 : (1 + logMultiplier * Math.log(factor)) ** 2;
}
