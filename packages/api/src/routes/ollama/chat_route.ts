/** POST /api/chat: a conversation is answered, with thoughts and calls apart. Formats no lines. */
import type { AppContext } from "../../app_options.ts";
import type { ChatRequest } from "../../chat/chat_request.ts";
import { runChat } from "../../chat/run_chat.ts";
import { ApiError } from "../../errors.ts";
import { jsonRoute } from "../../json_route.ts";
import type { ApiApp } from "../../request_record.ts";
import type { AnswerPart } from "./answer_lines.ts";
import { sendAnswer } from "./answer_route.ts";
import { conversationOf, toolsOf } from "./chat_messages.ts";
import { type ChatBody, chatBody } from "./request_schema.ts";
import { chatAnswers } from "./response_schema.ts";
import { formatOf, servedOptions, thinkOf } from "./served_options.ts";

/** Adds the route. */
export function chatRoute(app: ApiApp, context: AppContext): void {
  const route = {
    paths: ["/api/chat"],
    summary: "Answers a conversation; without messages loads the model, or unloads it",
    body: chatBody,
    responses: chatAnswers,
    anyContentType: true,
  };
  jsonRoute(app, context, route, async (c, body) => {
    const messages = body.messages ?? [];
    if (messages.some(({ images }) => images?.length)) throw withoutImages();
    c.get("record").prompt = messages;
    return await sendAnswer(c, context, body, {
      fields: messageFields,
      isEmpty: messages.length === 0,
      start: (model, signal) => {
        const request = chatRequest(body, context.options.maxTokens);
        return Promise.resolve({ events: runChat(model, request, signal) });
      },
    });
  });
}

function chatRequest(body: ChatBody, maxTokens?: number): ChatRequest {
  return {
    ...conversationOf(body.messages ?? []),
    ...(body.tools?.length ? { tools: toolsOf(body.tools) } : {}),
    think: thinkOf(body),
    format: formatOf(body),
    options: servedOptions(body, maxTokens),
  };
}

/** Of a model that reads text. */
export function withoutImages(): ApiError {
  return new ApiError("invalid", "Images are not taken: the models here read text", {
    param: "images",
  });
}

function messageFields({ thinking, content, toolCalls }: AnswerPart): Record<string, unknown> {
  const message = {
    role: "assistant",
    content,
    ...(thinking === "" ? {} : { thinking }),
    ...(toolCalls.length === 0 ? {} : { tool_calls: toolCalls }),
  };
  return { message };
}
