/** Requests and answers of /v1/embeddings. Answers nothing. */
import { z } from "@hono/zod-openapi";
import { loraField } from "./sampling.ts";

const ids = z.array(z.int().min(0)).min(1);

export const embeddingRequest = z
  .object({
    model: z.string().nullish(),
    input: z.union([
      z.string().min(1),
      ids,
      z.array(z.string().min(1)).min(1).max(2048),
      z.array(ids).min(1).max(2048),
    ]).openapi({ example: "Why is the sky blue?" }),
    encoding_format: z.enum(["float", "base64"]).nullish(),
    dimensions: z.int().min(1).nullish(),
    lora: loraField,
    user: z.string().nullish(),
  })
  .openapi("EmbeddingRequest");

export type EmbeddingRequest = z.infer<typeof embeddingRequest>;

export const embeddingList = z
  .object({
    object: z.literal("list"),
    data: z.array(
      z.object({
        object: z.literal("embedding"),
        index: z.int(),
        embedding: z.union([z.array(z.number()), z.string()]),
      }),
    ),
    model: z.string(),
    usage: z.object({ prompt_tokens: z.int(), total_tokens: z.int() }),
  })
  .openapi("EmbeddingList");
