/** What Ollama's clients send, as schemas: for validation and for /openapi.json. Maps nothing. */
import { z } from "@hono/zod-openapi";
import { DURATION } from "./keep_alive.ts";

/** A field that may also be null, as Go's decoder has it. */
const optional = <T extends z.ZodType>(schema: T): z.ZodOptional<z.ZodNullable<T>> =>
  schema.nullish();

const modelName = z.string().min(1).openapi({ example: "smollm2-135m" });

const keepAlive = z.union([
  z.number(),
  z.string().regex(DURATION, 'must be a duration such as "5m"'),
]).openapi({ example: "5m" });

/** Options of a model; what Ollama does not know itself is ignored, as there. */
const modelOptions = z.looseObject({
  seed: optional(z.int()),
  temperature: optional(z.number().min(0).max(100)),
  top_k: optional(z.int()),
  top_p: optional(z.number().min(0).max(1)),
  min_p: optional(z.number().min(0).max(1)),
  typical_p: optional(z.literal(1)).openapi({ description: "Only 1, which is off" }),
  stop: optional(z.union([z.string(), z.array(z.string()).max(64)])),
  num_ctx: optional(z.int().min(1)),
  num_predict: optional(z.int().min(-2)),
  num_keep: optional(z.int().min(0)),
  repeat_penalty: optional(z.number().min(0.01).max(100)),
  repeat_last_n: optional(z.int().min(-1)),
  presence_penalty: optional(z.number().min(-2).max(2)),
  frequency_penalty: optional(z.number().min(-2).max(2)),
}).openapi({ example: { temperature: 0.6, seed: 1 } });

const format = z.union([
  z.enum(["json", ""]),
  z.record(z.string(), z.unknown()).openapi({ description: "A JSON Schema" }),
]);

/** What a request for an answer has, whatever it answers. */
const answerFields = {
  model: modelName,
  stream: optional(z.boolean()).openapi({ description: "Default true" }),
  format: optional(format),
  keep_alive: optional(keepAlive),
  options: optional(modelOptions),
  think: optional(z.union([z.boolean(), z.enum(["low", "medium", "high", "max"])])),
  shift: optional(z.boolean()).openapi({
    description: "Whether a full context slides instead of ending the answer. Default false",
  }),
  logprobs: optional(z.boolean()),
  top_logprobs: optional(z.int().min(0).max(20)),
};

const toolCall = z.object({
  id: optional(z.string()),
  function: z.object({
    name: z.string(),
    arguments: z.record(z.string(), z.unknown()),
  }),
});

const message = z.object({
  role: z.enum(["system", "user", "assistant", "tool"]),
  content: optional(z.string()),
  thinking: optional(z.string()),
  images: optional(z.array(z.string())).openapi({
    maxItems: 0,
    description: "Refused: the models here read text",
  }),
  tool_calls: optional(z.array(toolCall)),
  tool_name: optional(z.string()),
  tool_call_id: optional(z.string()),
});

const tool = z.object({
  type: z.literal("function").optional(),
  function: z.object({
    name: z.string().min(1),
    description: optional(z.string()),
    parameters: optional(z.record(z.string(), z.unknown())),
  }),
});

/** Body of /api/chat. */
export const chatBody = z.object({
  ...answerFields,
  messages: optional(z.array(message)).openapi({
    example: [{ role: "user", content: "Why is the sky blue?" }],
  }),
  tools: optional(z.array(tool)),
}).openapi("OllamaChatRequest");

/** Body of /api/generate. */
export const generateBody = z.object({
  ...answerFields,
  prompt: optional(z.string()).openapi({ example: "Why is the sky blue?" }),
  system: optional(z.string()),
  raw: optional(z.boolean()),
  context: optional(z.array(z.int().min(0))),
  images: optional(z.array(z.string())).openapi({
    maxItems: 0,
    description: "Refused: the models here read text",
  }),
  suffix: optional(z.string()).openapi({ maxLength: 0, description: "Refused" }),
  template: optional(z.string()).openapi({ maxLength: 0, description: "Refused" }),
}).openapi("OllamaGenerateRequest");

/** Body of /api/embed. */
export const embedBody = z.object({
  model: modelName,
  input: optional(z.union([z.string(), z.array(z.string().min(1)).max(2048)])).openapi({
    example: "Why?",
  }),
  truncate: optional(z.boolean()),
  dimensions: optional(z.int().min(0)),
  keep_alive: optional(keepAlive),
  options: optional(modelOptions),
}).openapi("OllamaEmbedRequest");

/** Body of the older /api/embeddings. */
export const embeddingsBody = z.object({
  model: modelName,
  prompt: optional(z.string()).openapi({ example: "Why?" }),
  keep_alive: optional(keepAlive),
  options: optional(modelOptions),
}).openapi("OllamaEmbeddingsRequest");

/** That a field is there and not empty. */
function named(field: string) {
  const text = { type: "string" as const, minLength: 1 };
  return { required: [field], properties: { [field]: text } };
}

/** Body of /api/show; `name` is the older word for `model`. */
export const showBody = z.object({
  model: optional(z.string()).openapi({ example: "smollm2-135m" }),
  name: optional(z.string()),
  verbose: optional(z.boolean()),
}).openapi({ anyOf: [named("model"), named("name")] }).openapi("OllamaShowRequest");

export type ChatBody = z.infer<typeof chatBody>;
export type GenerateBody = z.infer<typeof generateBody>;
export type AnswerBody = Pick<ChatBody, keyof typeof answerFields>;
export type OllamaMessage = z.infer<typeof message>;
export type OllamaTool = z.infer<typeof tool>;
