/** Tokens of a request with several choices, and what they cost. Counts nothing itself. */
import type { Usage } from "@aha/runtime";
import type { TokenPrices } from "../engine/engine.ts";

/**
 * The usage of all choices together: the prompt is counted once, as OpenAI does, and as cached only what the first of
 * its readers found; the others found what that one had fed.
 * @throws {RangeError} without any
 */
export function totalUsage(choices: readonly Usage[]): Usage {
  if (choices.length === 0) throw new RangeError("There is no usage of 0 choices");
  const sum = (count: (usage: Usage) => number) =>
    choices.reduce((total, usage) => total + count(usage), 0);
  return {
    promptTokens: choices[0].promptTokens,
    cachedPromptTokens: Math.min(...choices.map((usage) => usage.cachedPromptTokens)),
    completionTokens: sum((usage) => usage.completionTokens),
    reasoningTokens: sum((usage) => usage.reasoningTokens),
  };
}

/** What so many tokens cost, in the prices' currency. */
export function costOf(usage: Usage, prices: TokenPrices): number {
  const missed = usage.promptTokens - usage.cachedPromptTokens;
  return (usage.cachedPromptTokens * prices.cacheHit + missed * prices.cacheMiss +
    usage.completionTokens * prices.output) / 1_000_000;
}
