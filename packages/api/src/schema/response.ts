/** Requests and answers of /v1/responses. Answers nothing. */
import { z } from "@hono/zod-openapi";
import { functionNameSchema, jsonSchemaSchema } from "./chat_completion.ts";
import { samplingFields } from "./sampling.ts";
import { effortSchema } from "./thinking.ts";

const contentSchema = z.union([
  z.string(),
  z.array(
    z.discriminatedUnion("type", [
      z.object({ type: z.literal("input_text"), text: z.string() }),
      z.object({ type: z.literal("output_text"), text: z.string() }),
      z.object({ type: z.literal("refusal"), refusal: z.string() }),
    ]),
  ),
]);

/** What may stand in `input`: messages say so or nothing. */
const itemSchema = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("message").optional(),
    role: z.enum(["user", "assistant", "system", "developer"]),
    content: contentSchema,
  }),
  z.object({
    type: z.literal("reasoning"),
    content: z.array(z.object({ type: z.literal("reasoning_text"), text: z.string() })).nullish(),
    summary: z.array(z.object({ type: z.literal("summary_text"), text: z.string() })).nullish(),
  }),
  z.object({
    type: z.literal("function_call"),
    call_id: z.string(),
    name: z.string(),
    arguments: z.string(),
  }),
  z.object({ type: z.literal("function_call_output"), call_id: z.string(), output: contentSchema }),
]);

const toolSchema = z.object({
  type: z.literal("function"),
  name: functionNameSchema,
  description: z.string().nullish(),
  parameters: jsonSchemaSchema.nullish(),
  strict: z.boolean().nullish(),
});

const toolChoiceSchema = z.union([
  z.enum(["none", "auto", "required"]),
  z.object({ type: z.literal("function"), name: z.string() }),
]);

const formatSchema = z.discriminatedUnion("type", [
  z.object({ type: z.literal("text") }),
  z.object({ type: z.literal("json_object") }),
  z.object({ type: z.literal("json_schema"), name: z.string(), schema: jsonSchemaSchema }),
]);

const { stop: _stop, ...drawingFields } = samplingFields;

export const responseRequest = z
  .object({
    ...drawingFields,
    model: z.string().nullish(),
    input: z.union([z.string().min(1), z.array(itemSchema).min(1)]).openapi({
      example: "Why is the sky blue?",
    }),
    instructions: z.string().nullish(),
    max_output_tokens: z.int().min(1).nullish(),
    stream: z.boolean().nullish(),
    store: z.literal(false).nullish(),
    include: z.array(z.string()).nullish(),
    top_logprobs: z.int().min(0).max(20).nullish(),
    text: z.object({ format: formatSchema.nullish() }).nullish(),
    reasoning: z.object({ effort: effortSchema.nullish() }).nullish(),
    tools: z.array(toolSchema).max(128).nullish(),
    tool_choice: toolChoiceSchema.nullish().openapi({ example: "auto" }),
    parallel_tool_calls: z.boolean().nullish(),
    metadata: z.record(z.string(), z.unknown()).nullish(),
    user: z.string().nullish(),
  })
  .openapi("ResponseRequest");

export type ResponseRequest = z.infer<typeof responseRequest>;

const statusSchema = z.enum(["in_progress", "completed", "incomplete"]);

const logprobSchema = z.object({
  token: z.string(),
  logprob: z.number(),
  bytes: z.array(z.int()),
  top_logprobs: z.array(
    z.object({ token: z.string(), logprob: z.number(), bytes: z.array(z.int()) }),
  ),
});

const outputTextSchema = z.object({
  type: z.literal("output_text"),
  text: z.string(),
  annotations: z.array(z.unknown()),
  logprobs: z.array(logprobSchema),
});

const outputItemSchema = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("reasoning"),
    id: z.string(),
    status: statusSchema,
    summary: z.array(z.unknown()),
    content: z.array(z.object({ type: z.literal("reasoning_text"), text: z.string() })),
  }),
  z.object({
    type: z.literal("message"),
    id: z.string(),
    status: statusSchema,
    role: z.literal("assistant"),
    content: z.array(outputTextSchema),
  }),
  z.object({
    type: z.literal("function_call"),
    id: z.string(),
    status: statusSchema,
    call_id: z.string(),
    name: z.string(),
    arguments: z.string(),
  }),
]);

export type OutputItem = z.infer<typeof outputItemSchema>;

export const responseSchema = z
  .object({
    id: z.string(),
    object: z.literal("response"),
    created_at: z.int(),
    completed_at: z.int().nullable(),
    status: z.enum(["in_progress", "completed", "incomplete", "failed"]),
    background: z.literal(false),
    error: z.object({ code: z.string(), message: z.string() }).nullable(),
    incomplete_details: z.object({ reason: z.literal("max_output_tokens") }).nullable(),
    instructions: z.string().nullable(),
    max_output_tokens: z.int().nullable(),
    max_tool_calls: z.null(),
    metadata: z.record(z.string(), z.unknown()),
    model: z.string(),
    output: z.array(outputItemSchema),
    parallel_tool_calls: z.boolean(),
    previous_response_id: z.null(),
    reasoning: z.object({ effort: effortSchema.nullable(), summary: z.null() }),
    service_tier: z.literal("default"),
    store: z.literal(false),
    temperature: z.number().nullable(),
    text: z.object({ format: formatSchema }),
    tool_choice: toolChoiceSchema,
    tools: z.array(z.unknown()),
    top_logprobs: z.int(),
    top_p: z.number().nullable(),
    truncation: z.literal("disabled"),
    usage: z
      .object({
        input_tokens: z.int(),
        input_tokens_details: z.object({ cached_tokens: z.int(), cache_write_tokens: z.int() }),
        output_tokens: z.int(),
        output_tokens_details: z.object({ reasoning_tokens: z.int() }),
        total_tokens: z.int(),
        cost: z.number().optional(),
        cost_currency: z.string().optional(),
      })
      .nullable(),
    user: z.string().nullable(),
  })
  .openapi("Response");

export type ResponseObject = z.infer<typeof responseSchema>;
