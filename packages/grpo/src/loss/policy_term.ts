/** The policy's part of a token's loss with its derivatives, one function a kind. Knows no masks and no sums. */
import type { ResolvedGrpoConfig } from "../config.ts";

/** A token's loss and how it changes with its two variables. */
export interface TokenTerm {
  readonly value: number;
  /** d value / d ratio, the log-probability held. */
  readonly byRatio: number;
  /** d value / d logp, the ratio held. */
  readonly byLogp: number;
}

/** No loss and no gradient. */
export const NO_TERM: TokenTerm = { value: 0, byRatio: 0, byLogp: 0 };

/** The loss of a token with this ratio, advantage and log-probability. */
export type PolicyTerm = (ratio: number, advantage: number, logp: number) => TokenTerm;

/** The policy's term of the chosen loss. */
export function policyTerm(config: ResolvedGrpoConfig): PolicyTerm {
  switch (config.lossType) {
    case "cispo":
      return cispoTerm(config);
    case "sapo":
      return sapoTerm(config);
    default:
      return clippedTerm(config);
  }
}

/**
 * -min(r A, clip(r, 1 - epsilon, 1 + epsilonHigh) A), the first r at most `delta`: DeepSeekMath
 * 2402.03300, eq. 3; two bounds DAPO 2503.14476, section 3.1; delta INTELLECT-2 2505.07291. At a bound
 * the gradient still passes, as PyTorch's clamp has it.
 */
export function clippedTerm(
  { epsilon, epsilonHigh, delta }: Pick<ResolvedGrpoConfig, "epsilon" | "epsilonHigh" | "delta">,
): PolicyTerm {
  const low = 1 - epsilon;
  const high = 1 + epsilonHigh;
  return (ratio, advantage) => {
    const capped = Math.min(ratio, delta);
    const clipped = Math.min(Math.max(ratio, low), high);
    const free = capped * advantage <= clipped * advantage;
    const passes = free ? ratio <= delta : ratio >= low && ratio <= high;
    const value = -(free ? capped : clipped) * advantage;
    return { value, byRatio: passes ? -advantage : 0, byLogp: 0 };
  };
}

/**
 * -min(r, epsilonHigh) A log p, the weight held fixed: no token loses its gradient (MiniMax-M1
 * 2506.13585, eq. 4; without the lower bound, which the paper does not use either).
 */
export function cispoTerm({ epsilonHigh }: Pick<ResolvedGrpoConfig, "epsilonHigh">): PolicyTerm {
  return (ratio, advantage, logp) => {
    const byLogp = -Math.min(ratio, epsilonHigh) * advantage;
    return { value: byLogp * logp, byRatio: 0, byLogp };
  };
}

/**
 * -sigmoid(t (r - 1)) (4 / t) A with a temperature t for each sign of A: the slope is that of r A where
 * r = 1 and fades on both sides (SAPO 2511.20347, section 3).
 */
export function sapoTerm(
  { sapoTemperaturePos, sapoTemperatureNeg }: Pick<
    ResolvedGrpoConfig,
    "sapoTemperaturePos" | "sapoTemperatureNeg"
  >,
): PolicyTerm {
  return (ratio, advantage) => {
    const temperature = advantage > 0 ? sapoTemperaturePos : sapoTemperatureNeg;
    const gate = 1 / (1 + Math.exp(-temperature * (ratio - 1)));
    return {
      value: -gate * (4 / temperature) * advantage,
      byRatio: -4 * gate * (1 - gate) * advantage,
      byLogp: 0,
    };
  };
}
