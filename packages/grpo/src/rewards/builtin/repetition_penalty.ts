/** A penalty for saying the same again: repeated n-grams of tokens or words. */
import type { RewardFunction } from "../reward.ts";
import { scoreRows } from "../row_errors.ts";

/** Options of the reward, under TRL's names. */
export interface RepetitionPenaltyOptions {
  /** Default 3. */
  readonly ngramSize?: number;
  /** Of a completion that only repeats, at most 0. Default -1. */
  readonly maxPenalty?: number;
  /** `"token"` as in TRL (default), or `"word"` as in open-r1: lower case, cut at spaces. */
  readonly unit?: "token" | "word";
}

/**
 * `maxPenalty * (1 - different n-grams / n-grams)`, 0 for completions shorter than one (2502.03373, appendix C.2; TRL's and
 * open-r1's `repetition_penalty_reward`). Throws a RangeError for a penalty above 0.
 */
export function repetitionPenaltyReward(
  { ngramSize = 3, maxPenalty = -1, unit = "token" }: RepetitionPenaltyOptions = {},
): RewardFunction {
  if (maxPenalty > 0) throw new RangeError(`max_penalty is ${maxPenalty}, it must be at most 0`);
  return scoreRows(({ completion, completionIds }) => {
    const units = unit === "token"
      ? Array.from(completionIds)
      : completion.toLowerCase().split(/\s+/).filter((word) => word !== "");
    const count = units.length - ngramSize + 1;
    if (count <= 0) return 0;
    const different = new Set<string>();
    for (let at = 0; at < count; at++) different.add(units.slice(at, at + ngramSize).join(" "));
    return different.size === count ? 0 : maxPenalty * (1 - different.size / count);
  });
}
