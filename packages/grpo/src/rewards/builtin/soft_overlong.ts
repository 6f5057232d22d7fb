/** DAPO's punishment of completions that come near the longest length. Rewards no shortness. */
import type { RewardFunction } from "../reward.ts";
import { scoreRows } from "../row_errors.ts";

/** Options of the reward, under TRL's names. */
export interface SoftOverlongOptions {
  /** Tokens that a completion may have, the paper's L_max. */
  readonly maxCompletionLen: number;
  /** The last so many of them cost, the paper's L_cache; 0: only more than `maxCompletionLen` costs. */
  readonly softPunishCache: number;
}

/**
 * 0 up to `maxCompletionLen - softPunishCache` tokens, from there falling in a line to -1 at `maxCompletionLen`, and -1 beyond
 * (DAPO 2503.14476, equation 13; TRL's `soft_overlong_punishment_reward`).
 *
 * Throws a RangeError if the cache is longer than the completion may be.
 */
export function softOverlongPunishment(
  { maxCompletionLen, softPunishCache }: SoftOverlongOptions,
): RewardFunction {
  if (softPunishCache > maxCompletionLen) {
    throw new RangeError(
      `soft_punish_cache is ${softPunishCache}, max_completion_len only ${maxCompletionLen}`,
    );
  }
  const free = maxCompletionLen - softPunishCache;
  return scoreRows(({ completionIds: { length } }) => {
    if (length <= free) return 0;
    return length > maxCompletionLen ? -1 : (free - length) / softPunishCache;
  });
}
