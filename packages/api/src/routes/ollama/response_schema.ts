/** What Ollama's routes answer, as schemas for /openapi.json. Validates nothing at run time. */
import { type RouteConfig, z } from "@hono/zod-openapi";
import { errorResponses } from "../../openapi.ts";

type Responses = RouteConfig["responses"];

const errors = errorResponses(z.object({ error: z.string() }).openapi("OllamaError"));

function answers(schema: z.ZodType, description: string, isStreamed = false): Responses {
  const line = { schema: z.string().openapi({ description: "One such object a line" }) };
  const streamed = isStreamed ? { "application/x-ndjson": line } : {};
  return {
    200: { description, content: { "application/json": { schema }, ...streamed } },
    ...errors,
  };
}

const tokenLogprob = z.object({
  token: z.string(),
  logprob: z.number(),
  bytes: z.array(z.int().min(0).max(255)),
});

const toolCall = z.object({
  id: z.string(),
  function: z.object({
    index: z.int(),
    name: z.string(),
    arguments: z.record(z.string(), z.unknown()),
  }),
});

const duration = z.int().optional().openapi({ description: "Nanoseconds" });
const count = z.int().optional().openapi({ description: "Tokens" });

const head = { model: z.string(), created_at: z.iso.datetime() };

const tail = {
  done: z.boolean(),
  done_reason: z.enum(["stop", "length", "load", "unload"]).optional(),
  total_duration: duration,
  load_duration: duration,
  prompt_eval_count: count,
  prompt_eval_duration: duration,
  eval_count: count,
  eval_duration: duration,
  logprobs: z.array(tokenLogprob.extend({ top_logprobs: z.array(tokenLogprob).optional() }))
    .optional(),
};

/** Of /api/chat. */
export const chatAnswers: Responses = answers(
  z.object({
    ...head,
    message: z.object({
      role: z.literal("assistant"),
      content: z.string(),
      thinking: z.string().optional(),
      tool_calls: z.array(toolCall).optional(),
    }),
    ...tail,
  }).openapi("OllamaChatResponse"),
  "The answer, or with `stream` its pieces",
  true,
);

/** Of /api/generate. */
export const generateAnswers: Responses = answers(
  z.object({
    ...head,
    response: z.string(),
    thinking: z.string().optional(),
    context: z.array(z.int()).optional(),
    ...tail,
  }).openapi("OllamaGenerateResponse"),
  "The answer, or with `stream` its pieces",
  true,
);

/** Of /api/embed. */
export const embedAnswers: Responses = answers(
  z.object({
    model: z.string(),
    embeddings: z.array(z.array(z.number())),
    total_duration: z.int(),
    load_duration: z.int(),
    prompt_eval_count: z.int(),
  }).openapi("OllamaEmbedResponse"),
  "A vector of length 1 for each input",
);

/** Of the older /api/embeddings. */
export const embeddingsAnswers: Responses = answers(
  z.object({ embedding: z.array(z.number()) }).openapi("OllamaEmbeddingsResponse"),
  "The vector",
);

const details = z.object({
  parent_model: z.string(),
  format: z.string(),
  family: z.string(),
  families: z.array(z.string()),
  parameter_size: z.string(),
  quantization_level: z.string(),
}).openapi("OllamaModelDetails");

const listed = {
  name: z.string(),
  model: z.string(),
  size: z.int(),
  digest: z.string(),
  details,
};

/** Of /api/tags. */
export const tagsAnswers: Responses = answers(
  z.object({ models: z.array(z.object({ ...listed, modified_at: z.iso.datetime() })) })
    .openapi("OllamaTags"),
  "The models that may be asked for; sizes are known of loaded ones",
);

/** Of /api/ps. */
export const psAnswers: Responses = answers(
  z.object({
    models: z.array(z.object({
      ...listed,
      expires_at: z.iso.datetime(),
      size_vram: z.int(),
      context_length: z.int(),
    })),
  }).openapi("OllamaRunning"),
  "The models that are loaded",
);

/** Of /api/show. */
export const showAnswers: Responses = answers(
  z.object({
    license: z.string(),
    modelfile: z.string(),
    parameters: z.string(),
    template: z.string(),
    system: z.string(),
    details,
    messages: z.array(z.unknown()),
    model_info: z.record(z.string(), z.union([z.string(), z.number()])),
    capabilities: z.array(z.string()),
    modified_at: z.iso.datetime(),
  }).openapi("OllamaShow"),
  "What is known of a model; of one that is not loaded, its name alone",
);

/** Of /api/version. */
export const versionAnswers: Responses = answers(
  z.object({ version: z.string() }).openapi("OllamaVersion"),
  "The server's version",
);
