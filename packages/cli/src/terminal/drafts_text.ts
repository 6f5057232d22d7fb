/** How many guesses an answer checked, and how many of them were right, as text. Counts nothing. */
import type { Timings } from "@aha/runtime";

/** For example `12 tokens, 9 of them right (75 %)`. */
export function draftsText({ draftedTokens, acceptedTokens }: Timings): string {
  const counts = `${draftedTokens} tokens, ${acceptedTokens} of them right`;
  if (draftedTokens === 0) return counts;
  return `${counts} (${Math.round(100 * acceptedTokens / draftedTokens)} %)`;
}
