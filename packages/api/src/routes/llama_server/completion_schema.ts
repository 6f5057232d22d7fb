/** Request and answer of llama-server's /completion, as schemas. Maps nothing. */
import { z } from "@hono/zod-openapi";
import { loraField, TOKEN_ID_KEYS, tokenIdKey } from "../../schema/sampling.ts";
import { timingsSchema, tokenLogprobSchema } from "../../schema/usage.ts";

/** llama.cpp's word for something that is off; other values are not built here. */
const off = (value: number) =>
  z.literal(value).nullish().openapi({ description: `Only ${value}, which is off` });

const bias = z.union([z.number().min(-100).max(100), z.literal(false)]);
const biasPair = z.tuple([z.int().min(0), bias]).openapi({ minItems: 2, maxItems: 2 });

/** Body of /completion. */
export const completionBody = z.object({
  prompt: z.union([z.string(), z.array(z.int().min(0)).min(1)]).openapi({
    example: "Once upon a time",
  }),
  model: z.string().nullish().openapi({ description: "Default: the first model" }),
  n_predict: z.int().min(-1).nullish().openapi({ example: 32 }),
  stream: z.boolean().nullish(),
  temperature: z.number().min(0).max(100).nullish(),
  top_k: z.int().nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  min_p: z.number().min(0).max(1).nullish(),
  repeat_penalty: z.number().min(0.01).max(100).nullish(),
  repeat_last_n: z.int().min(-1).nullish(),
  presence_penalty: z.number().min(-2).max(2).nullish(),
  frequency_penalty: z.number().min(-2).max(2).nullish(),
  seed: z.int().nullish(),
  stop: z.array(z.string()).max(64).nullish(),
  ignore_eos: z.boolean().nullish(),
  logit_bias: z.union([
    z.array(biasPair),
    z.record(tokenIdKey, bias).openapi(TOKEN_ID_KEYS),
  ]).nullish().openapi({ description: "[[id, bias], ...]; false bans a token" }),
  n_probs: z.int().min(0).max(20).nullish(),
  return_tokens: z.boolean().nullish(),
  cache_prompt: z.boolean().nullish().openapi({ description: "Default true" }),
  lora: loraField,
  json_schema: z.record(z.string(), z.unknown()).nullish(),
  ...{ typical_p: off(1), mirostat: off(0), dry_multiplier: off(0) },
  ...{ xtc_probability: off(0), dynatemp_range: off(0) },
}).openapi("LlamaCompletionRequest");

export type CompletionBody = z.infer<typeof completionBody>;

const probability = tokenLogprobSchema.extend({ id: z.int() });

/** The whole answer, and the last object of a stream. */
export const completionAnswer = z.object({
  index: z.int(),
  content: z.string(),
  reasoning_content: z.string().optional(),
  tokens: z.array(z.int()),
  id_slot: z.int(),
  stop: z.literal(true),
  model: z.string(),
  tokens_predicted: z.int(),
  tokens_evaluated: z.int(),
  generation_settings: z.record(z.string(), z.unknown()),
  prompt: z.string(),
  has_new_line: z.boolean(),
  truncated: z.boolean(),
  stop_type: z.enum(["eos", "limit", "word"]),
  stopping_word: z.string(),
  tokens_cached: z.int(),
  timings: timingsSchema,
  completion_probabilities: z.array(probability).optional(),
}).openapi("LlamaCompletion");

export type CompletionAnswer = z.infer<typeof completionAnswer>;
export type CompletionProbability = z.infer<typeof probability>;
