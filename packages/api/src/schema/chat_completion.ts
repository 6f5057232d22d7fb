/** Requests and answers of /v1/chat/completions: OpenAI's fields, DeepSeek's and llama-server's. Answers nothing. */
import { z } from "@hono/zod-openapi";
import { samplingFields } from "./sampling.ts";
import { effortSchema, thinkingSchema } from "./thinking.ts";
import { timingsSchema, tokenLogprobSchema, usageSchema } from "./usage.ts";

const contentSchema = z.union([
  z.string(),
  z.array(
    z.discriminatedUnion("type", [
      z.object({ type: z.literal("text"), text: z.string() }),
      z.object({ type: z.literal("refusal"), refusal: z.string() }),
    ]),
  ),
]);

const toolCallSchema = z.object({
  id: z.string(),
  type: z.literal("function"),
  function: z.object({ name: z.string(), arguments: z.string() }),
});

const messageFields = {
  name: z.string().nullish(),
  tool_calls: z.array(toolCallSchema).nullish(),
  tool_call_id: z.string().nullish(),
  reasoning_content: z.string().nullish(),
  prefix: z.boolean().nullish(),
};

const messageSchema = z.discriminatedUnion("role", [
  z.object({
    role: z.enum(["system", "developer", "user", "tool"]),
    content: contentSchema,
    ...messageFields,
  }),
  z.object({ role: z.literal("assistant"), content: contentSchema.nullish(), ...messageFields }),
]);

export const jsonSchemaSchema = z.record(z.string(), z.unknown());

/** Names as OpenAI allows them. */
export const functionNameSchema = z.string().regex(
  /^[\w-]{1,64}$/,
  "must be 1 to 64 letters, digits, _ and -",
);

const toolSchema = z.object({
  type: z.literal("function"),
  function: z.object({
    name: functionNameSchema,
    description: z.string().nullish(),
    parameters: jsonSchemaSchema.nullish(),
    strict: z.boolean().nullish(),
  }),
});

const responseFormatSchema = z.discriminatedUnion("type", [
  z.object({ type: z.literal("text") }),
  z.object({ type: z.literal("json_object") }),
  z.object({
    type: z.literal("json_schema"),
    json_schema: z.object({ name: z.string().nullish(), schema: jsonSchemaSchema.nullish() }),
  }),
]);

export const chatCompletionRequest = z
  .object({
    ...samplingFields,
    model: z.string().nullish(),
    messages: z.array(messageSchema).min(1).openapi({
      example: [{ role: "user", content: "Why is the sky blue?" }],
    }),
    max_tokens: z.int().min(1).nullish(),
    max_completion_tokens: z.int().min(1).nullish(),
    n: z.int().min(1).nullish(),
    stream: z.boolean().nullish(),
    stream_options: z.object({ include_usage: z.boolean().nullish() }).nullish(),
    logprobs: z.boolean().nullish().openapi({ example: true }),
    top_logprobs: z.int().min(0).max(20).nullish(),
    response_format: responseFormatSchema.nullish(),
    tools: z.array(toolSchema).max(128).nullish(),
    tool_choice: z
      .union([
        z.enum(["none", "auto", "required"]),
        z.object({ type: z.literal("function"), function: z.object({ name: z.string() }) }),
      ])
      .nullish()
      .openapi({ example: "auto" }),
    parallel_tool_calls: z.boolean().nullish(),
    thinking: thinkingSchema.nullish(),
    reasoning_effort: effortSchema.nullish(),
    chat_template_kwargs: z.record(z.string(), z.unknown()).nullish(),
    user: z.string().nullish(),
    metadata: z.record(z.string(), z.unknown()).nullish(),
  })
  .openapi("ChatCompletionRequest");

export type ChatCompletionRequest = z.infer<typeof chatCompletionRequest>;

export const chatCompletion = z
  .object({
    id: z.string(),
    object: z.literal("chat.completion"),
    created: z.int(),
    model: z.string(),
    system_fingerprint: z.string(),
    choices: z.array(
      z.object({
        index: z.int(),
        message: z.object({
          role: z.literal("assistant"),
          content: z.string().nullable(),
          reasoning_content: z.string().optional(),
          tool_calls: z.array(toolCallSchema).optional(),
          refusal: z.null(),
        }),
        logprobs: z
          .object({
            content: z.array(tokenLogprobSchema),
            reasoning_content: z.array(tokenLogprobSchema).optional(),
            refusal: z.null(),
          })
          .nullable(),
        finish_reason: z.enum(["stop", "length", "tool_calls"]),
      }),
    ),
    usage: usageSchema,
    timings: timingsSchema,
  })
  .openapi("ChatCompletion");
