/** From OpenAI's and DeepSeek's chat requests to `ChatRequest`. Runs nothing. */
import type { AppOptions } from "../../app_options.ts";
import type { ChatRequest, FunctionTool, ToolChoice } from "../../chat/chat_request.ts";
import { ApiError, type ParamNames } from "../../errors.ts";
import type { ChatCompletionRequest } from "../../schema/chat_completion.ts";
import { choicesOf, SAMPLING_PARAMS, samplingOptions, withoutNull } from "../../schema/sampling.ts";
import { thinkOf } from "../../schema/thinking.ts";

type WireMessage = ChatCompletionRequest["messages"][number];
type WireTool = NonNullable<ChatCompletionRequest["tools"]>[number]["function"];

export const CHAT_PARAMS: ParamNames = {
  ...SAMPLING_PARAMS,
  think: "thinking",
};

/** The request in no wire format. @throws {ApiError} 400 naming the field that does not fit the others */
export function chatRequestOf(body: ChatCompletionRequest, options: AppOptions): ChatRequest {
  const { tools, tool_choice: choice, response_format: format, top_logprobs } = body;
  if (top_logprobs && !body.logprobs) {
    throw new ApiError("invalid", "top_logprobs needs logprobs to be true", {
      param: "top_logprobs",
    });
  }
  const { messages, prefix } = withPrefix(body.messages);
  const maxTokens = body.max_completion_tokens ?? body.max_tokens;
  const sampling = samplingOptions(body, maxTokens, options);
  return {
    ...withoutNull({
      tools: tools?.map((tool) => functionTool(tool.function)),
      toolChoice: choice ? toolChoice(choice) : undefined,
      parallelToolCalls: body.parallel_tool_calls,
      think: thinkOf(body.thinking, body.reasoning_effort),
      templateVariables: body.chat_template_kwargs,
      format: format ? formatOf(format) : undefined,
      prefix,
    }),
    messages: messages.map((message) => ({ ...withoutNull(message), role: message.role })),
    choices: choicesOf(body.n, options),
    options: top_logprobs ? { ...sampling, topLogprobs: top_logprobs } : sampling,
  };
}

export function functionTool(tool: WireTool): FunctionTool {
  const { name, description, parameters, strict } = tool;
  return { name, ...withoutNull({ description, parameters, strict }) };
}

function toolChoice(choice: NonNullable<ChatCompletionRequest["tool_choice"]>): ToolChoice {
  return typeof choice === "string" ? choice : { name: choice.function.name };
}

function formatOf(
  format: NonNullable<ChatCompletionRequest["response_format"]>,
): ChatRequest["format"] {
  if (format.type === "text") return undefined;
  const schema = format.type === "json_schema" ? format.json_schema.schema : undefined;
  return schema ? { schema } : "json";
}

/** DeepSeek's prefix completion: the answer goes on from the last message. */
function withPrefix(messages: readonly WireMessage[]): {
  readonly messages: readonly WireMessage[];
  readonly prefix?: string;
} {
  const at = messages.findIndex(({ prefix }) => prefix);
  if (at < 0) return { messages };
  const { role, content, reasoning_content } = messages[at];
  const isLastAnswer = at === messages.length - 1 && role === "assistant" && messages.length > 1;
  const wrong = !isLastAnswer
    ? "prefix belongs to the last message, one of the assistant's that follows others"
    : reasoning_content
    ? "a message with prefix cannot have reasoning_content"
    : undefined;
  if (wrong) throw new ApiError("invalid", wrong, { param: `messages[${at}].prefix` });
  return { messages: messages.slice(0, -1), prefix: textOf(content) };
}

function textOf(content: WireMessage["content"]): string {
  if (typeof content === "string") return content;
  return (content ?? []).map((part) => part.type === "text" ? part.text : part.refusal).join("");
}
