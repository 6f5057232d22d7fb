/** What OpenAI's answers tell besides their text: usage, cost, timings, log-probabilities, who answered. Runs nothing. */
import type { z } from "@hono/zod-openapi";
import type { Timings, Usage } from "@aha/runtime";
import { costOf } from "../../chat/usage.ts";
import type { Lease, TokenPrices } from "../../engine/engine.ts";
import type { ServedText, ServedToken } from "../../engine/served_model.ts";
import type { timingsSchema, tokenLogprobSchema, usageSchema } from "../../schema/usage.ts";

export type WireUsage = z.infer<typeof usageSchema>;
export type WireTimings = z.infer<typeof timingsSchema>;
export type WireLogprob = z.infer<typeof tokenLogprobSchema>;

/** What each object and chunk of an answer begins with. */
export interface AnswerHead {
  readonly id: string;
  readonly object: string;
  readonly created: number;
  readonly model: string;
  readonly system_fingerprint: string;
}

export function answerHead(prefix: string, object: string, { model, entry }: Lease): AnswerHead {
  const { facts } = model;
  const { name, variant } = facts.backend;
  return {
    id: newId(prefix),
    object,
    created: unixSeconds(),
    model: entry.name,
    // Same fingerprint and seed, same answer: the file and the build that computes it.
    system_fingerprint: `fp_${name}_${variant}_${facts.quantization}_${facts.sizeBytes}`,
  };
}

export function newId(prefix: string): string {
  return `${prefix}${crypto.randomUUID().replaceAll("-", "")}`;
}

export function unixSeconds(): number {
  return Math.floor(Date.now() / 1000);
}

/** OpenAI's and DeepSeek's counts, and the cost where the model has prices. */
export function wireUsage(usage: Usage, prices?: TokenPrices): WireUsage {
  const { promptTokens, cachedPromptTokens, completionTokens, reasoningTokens } = usage;
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: cachedPromptTokens },
    completion_tokens_details: { reasoning_tokens: reasoningTokens },
    prompt_cache_hit_tokens: cachedPromptTokens,
    prompt_cache_miss_tokens: promptTokens - cachedPromptTokens,
    ...(prices ? { cost: costOf(usage, prices), cost_currency: prices.currency } : {}),
  };
}

/** llama-server's fields; the rates are 0 where the clock was too coarse. */
export function wireTimings(usage: Usage, timings: Timings): WireTimings {
  const fed = usage.promptTokens - usage.cachedPromptTokens;
  const { timeToFirstTokenMs: promptMs, generatedTokens, tokensPerSecond } = timings;
  const generatedMs = tokensPerSecond > 0 ? generatedTokens / tokensPerSecond * 1000 : 0;
  return {
    cache_n: usage.cachedPromptTokens,
    prompt_n: fed,
    prompt_ms: promptMs,
    prompt_per_token_ms: fed > 0 ? promptMs / fed : 0,
    prompt_per_second: timings.promptTokensPerSecond,
    predicted_n: generatedTokens,
    predicted_ms: generatedMs,
    predicted_per_token_ms: generatedTokens > 0 ? generatedMs / generatedTokens : 0,
    predicted_per_second: tokensPerSecond,
    ...(timings.draftedTokens > 0
      ? { draft_n: timings.draftedTokens, draft_n_accepted: timings.acceptedTokens }
      : {}),
  };
}

/** OpenAI's number for what is all but impossible: JSON knows no infinity. */
const LOWEST_LOGPROB = -9999;

/** Bytes that are a part of a character only become signs of replacement; `bytes` has them whole. */
function wireToken({ bytes, logprob }: ServedToken) {
  const token = new TextDecoder().decode(bytes);
  return { token, logprob: Math.max(logprob, LOWEST_LOGPROB), bytes: [...bytes] };
}

export function wireLogprobs(tokens: ServedText["tokens"]): WireLogprob[] {
  return tokens.map((token) => ({
    ...wireToken(token),
    top_logprobs: (token.top ?? []).map(wireToken),
  }));
}
