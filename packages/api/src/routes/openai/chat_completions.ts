/** POST /v1/chat/completions, and DeepSeek's paths of it. The forms are made by `chat_answer.ts`. */
import type { AppContext } from "../../app_options.ts";
import type { ChatRequest } from "../../chat/chat_request.ts";
import { runChat } from "../../chat/run_chat.ts";
import type { Lease } from "../../engine/engine.ts";
import { jsonRoute } from "../../json_route.ts";
import { leaseModel, metered } from "../../lease_model.ts";
import { responses } from "../../openapi.ts";
import type { ApiApp, ApiContext } from "../../request_record.ts";
import {
  chatCompletion,
  type ChatCompletionRequest,
  chatCompletionRequest,
} from "../../schema/chat_completion.ts";
import { DONE_FRAME, sseForm, sseFrame } from "../../sse.ts";
import { streamedResponse, wholeResponse } from "../../streamed_response.ts";
import { answerHead } from "./answer_facts.ts";
import { type ChatAnswerOptions, ChatChunks, chatCompletionOf } from "./chat_answer.ts";
import { CHAT_PARAMS, chatRequestOf } from "./chat_request.ts";
import { aliasOf } from "./model_alias.ts";

const PATHS = ["/v1/chat/completions", "/chat/completions", "/beta/chat/completions"];

export function chatCompletionsRoute(app: ApiApp, context: AppContext): void {
  const route = {
    paths: PATHS,
    summary: "Answers a conversation",
    body: chatCompletionRequest,
    responses: responses(chatCompletion, "The answer", "text/event-stream"),
    refused: {
      functions: ["invalid", "functions is not known here, use tools"] as const,
      function_call: ["invalid", "function_call is not known here, use tool_choice"] as const,
      audio: ["invalid", "audio cannot be made here"] as const,
    },
  };
  jsonRoute(app, context, route, async (c, body) => {
    const record = c.get("record");
    record.paramNames = CHAT_PARAMS;
    record.prompt = body.messages;
    const alias = aliasOf(context.engine, body.model);
    const request = { think: alias.think, ...chatRequestOf(body, context.options) };
    if (body.stream) {
      const frames = chatFrames(context, c, alias.model, body, request);
      return await streamedResponse(c, frames, sseForm(record.id), context.options);
    }
    const lease = await leaseModel(context, c, alias.model, { places: request.choices });
    return await wholeResponse(c, lease, async () => {
      const head = answerHead("chatcmpl-", "chat.completion", lease);
      const events = metered(record, runChat(lease.model, request, record.signal));
      return await chatCompletionOf(head, events, answerOptions(body, request, lease));
    }, context.options);
  });
}

async function* chatFrames(
  context: AppContext,
  c: ApiContext,
  model: string | undefined,
  body: ChatCompletionRequest,
  request: ChatRequest,
): AsyncGenerator<string, void> {
  const record = c.get("record");
  using lease = await leaseModel(context, c, model, { places: request.choices });
  const includeUsage = body.stream_options?.include_usage ?? false;
  const options = { ...answerOptions(body, request, lease), includeUsage };
  const chunks = new ChatChunks(answerHead("chatcmpl-", "chat.completion.chunk", lease), options);
  for await (const event of metered(record, runChat(lease.model, request, record.signal))) {
    for (const chunk of chunks.push(event)) yield sseFrame(chunk);
  }
  for (const chunk of chunks.end()) yield sseFrame(chunk);
  yield DONE_FRAME;
}

function answerOptions(
  { logprobs }: ChatCompletionRequest,
  { choices = 1 }: ChatRequest,
  { entry }: Lease,
): ChatAnswerOptions {
  return { logprobs: logprobs ?? false, prices: entry.prices, choices };
}
