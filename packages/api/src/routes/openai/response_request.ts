/** From requests of /v1/responses to `ChatRequest`. Runs nothing. */
import type { ChatMessage } from "@aha/runtime";
import type { AppOptions } from "../../app_options.ts";
import type { ChatRequest } from "../../chat/chat_request.ts";
import type { ParamNames } from "../../errors.ts";
import type { ResponseRequest } from "../../schema/response.ts";
import { SAMPLING_PARAMS, samplingOptions, withoutNull } from "../../schema/sampling.ts";
import { thinkOf } from "../../schema/thinking.ts";
import { functionTool } from "./chat_request.ts";

type InputItem = Exclude<ResponseRequest["input"], string>[number];

export const RESPONSE_PARAMS: ParamNames = {
  ...SAMPLING_PARAMS,
  ...{ messages: "input", response_format: "text.format", tools: "tools" },
  ...{ maxTokens: "max_output_tokens", think: "reasoning.effort" },
};

/** Whether log-probabilities are to be told. */
export function wantsLogprobs({ include, top_logprobs }: ResponseRequest): boolean {
  return Boolean(top_logprobs) || (include ?? []).includes("message.output_text.logprobs");
}

export function responseChatRequest(body: ResponseRequest, options: AppOptions): ChatRequest {
  const { tools, tool_choice: choice, text, top_logprobs } = body;
  const sampling = samplingOptions(body, body.max_output_tokens, options);
  return {
    ...withoutNull({
      tools: tools?.map(functionTool),
      toolChoice: typeof choice === "object" && choice ? { name: choice.name } : choice,
      parallelToolCalls: body.parallel_tool_calls,
      think: thinkOf(undefined, body.reasoning?.effort),
      format: formatOf(text?.format),
    }),
    messages: messagesOf(body),
    options: top_logprobs ? { ...sampling, topLogprobs: top_logprobs } : sampling,
  };
}

function formatOf(
  format: NonNullable<ResponseRequest["text"]>["format"],
): ChatRequest["format"] {
  if (!format || format.type === "text") return undefined;
  return format.type === "json_schema" ? { schema: format.schema } : "json";
}

/** A message as it grows: calls and thoughts are items of their own on the wire and parts of a message for a template. */
interface Turn extends ChatMessage {
  reasoning_content?: string;
  tool_calls?: unknown[];
}

function messagesOf({ instructions, input }: ResponseRequest): ChatMessage[] {
  const turns: Turn[] = instructions ? [{ role: "system", content: instructions }] : [];
  if (typeof input === "string") return [...turns, { role: "user", content: input }];
  for (const item of input) addItem(turns, item);
  return turns;
}

function addItem(turns: Turn[], item: InputItem): void {
  switch (item.type) {
    case "reasoning": {
      const parts: readonly { readonly text: string }[] = item.content ?? item.summary ?? [];
      assistantTurn(turns).reasoning_content = parts.map(({ text }) => text).join("");
      break;
    }
    case "function_call": {
      const { call_id: id, name, arguments: text } = item;
      const call = { id, type: "function", function: { name, arguments: text } };
      (assistantTurn(turns).tool_calls ??= []).push(call);
      break;
    }
    case "function_call_output":
      turns.push({ role: "tool", tool_call_id: item.call_id, content: item.output });
      break;
    default: {
      const { role, content } = item;
      const open = turns.at(-1);
      const isGoingOn = role === "assistant" && open?.role === role && open.content === undefined;
      if (isGoingOn) turns[turns.length - 1] = { ...open, content };
      else turns.push({ role, content });
    }
  }
}

/** The assistant's message that the items before have begun, else a new one. */
function assistantTurn(turns: Turn[]): Turn {
  const last = turns.at(-1);
  if (last?.role === "assistant") return last;
  const turn: Turn = { role: "assistant" };
  turns.push(turn);
  return turn;
}
