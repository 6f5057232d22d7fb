/** What /v1/models tells. Answers nothing. */
import { z } from "@hono/zod-openapi";

/** OpenAI's fields; `parent` of an adapter as vLLM's, `meta` as llama-server's, where the model is loaded. */
export const model = z
  .object({
    id: z.string(),
    object: z.literal("model"),
    created: z.int(),
    owned_by: z.string(),
    parent: z.string().optional().openapi({ description: "The model that an adapter is of" }),
    meta: z
      .object({
        n_vocab: z.int(),
        n_ctx_train: z.int(),
        n_embd: z.int(),
        n_params: z.int(),
        size: z.int(),
      })
      .optional(),
  })
  .openapi("Model");

export const modelList = z
  .object({ object: z.literal("list"), data: z.array(model) })
  .openapi("ModelList");
