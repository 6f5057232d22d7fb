/** Turns Ollama's messages and tools into OpenAI's form: arguments become strings, thinking becomes reasoning_content. */
import type { ChatMessage } from "@aha/runtime";
import type { FunctionTool } from "../../chat/chat_request.ts";
import type { JsonSchema } from "../../structured/constraint_spec.ts";
import type { OllamaMessage, OllamaTool } from "./request_schema.ts";

/** What a conversation asks for. */
export interface Conversation {
  readonly messages: readonly ChatMessage[];
  /** An assistant's message after others is gone on with, as Ollama does. */
  readonly prefix?: string;
}

/** Messages in OpenAI's form. */
export function conversationOf(messages: readonly OllamaMessage[]): Conversation {
  const last = messages.at(-1);
  const isBegun = messages.length > 1 && last?.role === "assistant" && !last.tool_calls?.length &&
    Boolean(last.content);
  if (!isBegun) return { messages: messages.map(messageOf) };
  return { messages: messages.slice(0, -1).map(messageOf), prefix: last.content ?? "" };
}

function messageOf(message: OllamaMessage): ChatMessage {
  const { role, content, thinking, tool_calls: calls, tool_name: name, tool_call_id: id } = message;
  return {
    role,
    content: content ?? "",
    ...(thinking ? { reasoning_content: thinking } : {}),
    ...(calls?.length ? { tool_calls: calls.map(callOf) } : {}),
    ...(name ? { name } : {}),
    ...(id ? { tool_call_id: id } : {}),
  };
}

function callOf(
  { id, function: { name, arguments: values } }: NonNullable<OllamaMessage["tool_calls"]>[number],
): unknown {
  const called = { name, arguments: JSON.stringify(values) };
  return { ...(id ? { id } : {}), type: "function", function: called };
}

/** Functions that may be called. */
export function toolsOf(tools: readonly OllamaTool[]): FunctionTool[] {
  return tools.map(({ function: { name, description, parameters } }) => ({
    name,
    ...(description ? { description } : {}),
    ...(parameters ? { parameters: parameters as JsonSchema } : {}),
  }));
}
