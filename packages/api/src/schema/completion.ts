/** Requests and answers of /v1/completions. Answers nothing. */
import { z } from "@hono/zod-openapi";
import { samplingFields } from "./sampling.ts";
import { timingsSchema, usageSchema } from "./usage.ts";

const ids = z.array(z.int().min(0)).min(1);

export const completionRequest = z
  .object({
    ...samplingFields,
    model: z.string().nullish(),
    prompt: z.union([z.string(), ids, z.array(z.string()).min(1), z.array(ids).min(1)]).openapi({
      example: "Once upon a time",
    }),
    max_tokens: z.int().min(1).nullish(),
    n: z.int().min(1).nullish(),
    best_of: z.int().min(1).nullish(),
    echo: z.boolean().nullish(),
    stream: z.boolean().nullish(),
    stream_options: z.object({ include_usage: z.boolean().nullish() }).nullish(),
    logprobs: z.int().min(0).max(20).nullish(),
    user: z.string().nullish(),
  })
  .openapi("CompletionRequest");

export type CompletionRequest = z.infer<typeof completionRequest>;

export const completion = z
  .object({
    id: z.string(),
    object: z.literal("text_completion"),
    created: z.int(),
    model: z.string(),
    system_fingerprint: z.string(),
    choices: z.array(
      z.object({
        index: z.int(),
        text: z.string(),
        reasoning_content: z.string().optional(),
        logprobs: z
          .object({
            tokens: z.array(z.string()),
            token_logprobs: z.array(z.number()),
            top_logprobs: z.array(z.record(z.string(), z.number())),
            text_offset: z.array(z.int()),
          })
          .nullable(),
        finish_reason: z.enum(["stop", "length"]),
      }),
    ),
    usage: usageSchema,
    timings: timingsSchema,
  })
  .openapi("Completion");
