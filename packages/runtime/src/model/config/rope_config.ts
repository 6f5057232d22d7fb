/** Reads how a model's rotary positions are stretched beyond its original context. Computes no frequency. */
import { UnsupportedError } from "../../errors.ts";
import type { KeyOf, KeyValues } from "./key_values.ts";

/** YaRN (Peng et al. 2309.00071): frequencies between interpolation and none, and a warmer or colder softmax. */
export interface YarnConfig {
  /** s: the context is this many times the original one. */
  readonly factor: number;
  /** Positions of the original training. */
  readonly originalContextTokens: number;
  /** Pairs that turn more often than this over the original context keep their frequency. */
  readonly betaFast: number;
  /** Pairs that turn less often than this are interpolated. */
  readonly betaSlow: number;
  /**
   * Of DeepSeek's models, 0.1 * mscale_all_dim: scores are multiplied by (1 + this * ln s)^2. Undefined for others: their
   * cos and sin carry the paper's factor.
   */
  readonly logMultiplier?: number;
}

/** How frequencies are scaled; at most one of the two does anything. */
export interface RopeScaling {
  /** Linear position interpolation: frequencies are divided by this. */
  readonly ropeLinearFactor: number;
  readonly yarn?: YarnConfig;
}

/**
 * @param scalesScores whether the architecture's YaRN multiplies scores, as DeepSeek's does
 * @throws {UnsupportedError} naming a kind of scaling that is not known
 */
export function readRopeScaling(
  key: KeyOf,
  values: KeyValues,
  contextTokens: number,
  scalesScores: boolean,
): RopeScaling {
  const type = values.optionalString(key("rope.scaling.type")) ?? "none";
  if (type === "none") return { ropeLinearFactor: 1 };
  if (type === "linear") {
    return { ropeLinearFactor: values.number(key("rope.scaling.factor")) };
  }
  if (type !== "yarn") {
    throw new UnsupportedError(`RoPE scaling of type ${type} is not supported yet`, type);
  }
  return { ropeLinearFactor: 1, yarn: readYarn(key, values, contextTokens, scalesScores) };
}

function readYarn(
  key: KeyOf,
  values: KeyValues,
  contextTokens: number,
  scalesScores: boolean,
): YarnConfig {
  const scaling = (name: string) => key(`rope.scaling.${name}`);
  const attention = values.optionalNumber(scaling("attn_factor")) ?? 1;
  if (attention !== 1) {
    const what = `YaRN with an attention factor of ${attention}`;
    throw new UnsupportedError(`${what} is not supported yet`, String(attention));
  }
  const stored = values.optionalNumber(scaling("yarn_log_multiplier")) ?? 0;
  const logMultiplier = scalesScores && stored !== 0 ? stored : undefined;
  return {
    factor: values.number(scaling("factor")),
    originalContextTokens: values.optionalCount(scaling("original_context_length")) ??
      contextTokens,
    betaFast: values.optionalNumber(scaling("yarn_beta_fast")) ?? 32,
    betaSlow: values.optionalNumber(scaling("yarn_beta_slow")) ?? 1,
    ...(logMultiplier === undefined ? {} : { logMultiplier }),
  };
}

/** What cannot be, as pairs of whether it is fine and what it is called. */
export function ropeProblems({ ropeLinearFactor, yarn }: RopeScaling): [boolean, string][] {
  const isPositive = (value: number) => value > 0 && Number.isFinite(value);
  const problems: [boolean, string][] = [
    [isPositive(ropeLinearFactor), `RoPE scaling factor ${ropeLinearFactor}`],
  ];
  if (!yarn) return problems;
  const { factor, originalContextTokens, betaFast, betaSlow, logMultiplier = 0 } = yarn;
  return [
    ...problems,
    [factor >= 1 && Number.isFinite(factor), `RoPE scaling factor ${factor}`],
    [originalContextTokens >= 1, `a YaRN original context of ${originalContextTokens}`],
    [isPositive(betaFast) && isPositive(betaSlow), `YaRN betas ${betaFast} and ${betaSlow}`],
    [logMultiplier >= 0 && logMultiplier <= 100, `a YaRN log multiplier of ${logMultiplier}`],
  ];
}
