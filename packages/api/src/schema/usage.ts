/** What answers tell of tokens, time and money. Counts nothing. */
import { z } from "@hono/zod-openapi";

export const usageSchema = z
  .object({
    prompt_tokens: z.int(),
    completion_tokens: z.int(),
    total_tokens: z.int(),
    prompt_tokens_details: z.object({ cached_tokens: z.int() }),
    completion_tokens_details: z.object({ reasoning_tokens: z.int() }),
    prompt_cache_hit_tokens: z.int(),
    prompt_cache_miss_tokens: z.int(),
    cost: z.number().optional(),
    cost_currency: z.string().optional(),
  })
  .openapi("Usage");

/** As llama-server's. */
export const timingsSchema = z
  .object({
    cache_n: z.int(),
    prompt_n: z.int(),
    prompt_ms: z.number(),
    prompt_per_token_ms: z.number(),
    prompt_per_second: z.number(),
    predicted_n: z.int(),
    predicted_ms: z.number(),
    predicted_per_token_ms: z.number(),
    predicted_per_second: z.number(),
    draft_n: z.int().optional(),
    draft_n_accepted: z.int().optional(),
  })
  .openapi("Timings");

const alternativeSchema = z.object({
  token: z.string(),
  logprob: z.number(),
  bytes: z.array(z.int()),
});

export const tokenLogprobSchema = alternativeSchema
  .extend({ top_logprobs: z.array(alternativeSchema) })
  .openapi("TokenLogprob");
