/** Estimate of a token's divergence from the reference model, with its derivatives. Knows no masks and no sums. */
import type { TokenTerm } from "./policy_term.ts";

/**
 * exp(d) - d - 1 with d = log p_ref - log p, never below 0 (Schulman's k3; DeepSeekMath 2402.03300, eq.
 * 4). Its mean over samples of the policy is the divergence, but the mean of its gradient is not that
 * of the divergence. `biasCorrected` multiplies by the importance ratio, through which the gradient
 * goes too, and then it is (DeepSeek-V3.2 2512.02556, section 3.1).
 */
export function klTerm(
  logp: number,
  refLogp: number,
  ratio: number,
  biasCorrected: boolean,
): TokenTerm {
  const difference = refLogp - logp;
  const excess = Math.expm1(difference);
  const value = excess - difference;
  if (!biasCorrected) return { value, byRatio: 0, byLogp: -excess };
  return { value: value * ratio, byRatio: value, byLogp: -excess * ratio };
}
