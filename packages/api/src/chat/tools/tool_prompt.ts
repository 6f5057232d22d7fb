/** Messages with tools as a template wants them; what it does not know becomes plain text. Checks nothing. */
import type { ChatMessage } from "@aha/runtime";
import type { FunctionTool } from "../chat_request.ts";
import type { HistoryMessage } from "../messages.ts";
import { callFields, type CallStyle, type TemplateAbilities } from "./template_abilities.ts";
import { type ToolDialect, writeCalls } from "./tool_dialect.ts";

/** What a template is given. */
export interface ToolPrompt {
  readonly messages: readonly ChatMessage[];
  /** Missing where the template does not tell of them, or there are none. */
  readonly tools?: readonly unknown[];
}

/** A conversation and its tools in the form that the template knows. */
export function toolPrompt(
  { dialect, describesTools, calls }: TemplateAbilities,
  messages: readonly HistoryMessage[],
  tools: readonly FunctionTool[],
): ToolPrompt {
  const written = calls
    ? messages.flatMap((message) => styled(message, calls))
    : asPlainText(messages, dialect);
  if (tools.length === 0) return { messages: written };
  const functions = tools.map(openaiForm);
  if (describesTools) return { messages: written, tools: functions };
  return { messages: withSystemText(written, description(functions, dialect)) };
}

function openaiForm({ name, description, parameters }: FunctionTool): unknown {
  return {
    type: "function",
    function: {
      name,
      ...(description === undefined ? {} : { description }),
      // templates go through the properties
      parameters: typeof parameters === "object" ? parameters : { type: "object", properties: {} },
    },
  };
}

/** A message as one or more that the template knows. */
function styled(
  { calls = [], ...message }: HistoryMessage,
  style: CallStyle,
): ChatMessage[] {
  if (calls.length === 0) return [message];
  const hasText = message.content !== "";
  const groups = style.joinsCalls ? [calls] : calls.map((call) => [call]);
  const isApart = hasText && !style.joinsContent;
  const { reasoning_content: _, ...bare } = message;
  return [
    ...(isApart ? [message] : []),
    ...groups.map((group, i) => ({
      ...(i === 0 && !isApart ? message : bare),
      content: i === 0 && hasText && !isApart ? message.content : style.emptyContent,
      ...callFields(group, style.arguments),
    })),
  ];
}

/** Calls become text of the assistant, results text of the user; results of several calls are one message. */
function asPlainText(messages: readonly HistoryMessage[], dialect: ToolDialect): ChatMessage[] {
  const written: ChatMessage[] = [];
  let results: string[] = [];
  const tellResults = (): void => {
    if (results.length > 0) written.push({ role: "user", content: results.join("\n") });
    results = [];
  };
  for (const { calls = [], ...message } of messages) {
    if (message.role === "tool") {
      results.push(`<tool_response>\n${message.content}\n</tool_response>`);
      continue;
    }
    tellResults();
    const parts = [message.content, calls.length > 0 ? writeCalls(dialect, calls) : ""];
    written.push({ ...message, content: parts.filter((part) => part !== "").join("\n") });
  }
  tellResults();
  return written;
}

/** The tools and how to call them, for models whose template does not tell. */
function description(functions: readonly unknown[], dialect: ToolDialect): string {
  const example = { name: "FUNCTION_NAME", arguments: '{"ARGUMENT_NAME": "VALUE"}' };
  return [
    "# Tools\n\nYou can call these functions, each described by a line of JSON:\n<tools>",
    ...functions.map((each) => JSON.stringify(each)),
    "</tools>\n\nTo call a function, write its name and its arguments in exactly this form:",
    writeCalls(dialect, [example]),
  ].join("\n");
}

/** Some templates take the first system message alone, others the last: so there is one. */
function withSystemText(messages: readonly ChatMessage[], text: string): ChatMessage[] {
  const texts = messages.filter(({ role }) => role === "system").map(({ content }) => content);
  const others = messages.filter(({ role }) => role !== "system");
  return [{ role: "system", content: [...texts, text].join("\n\n") }, ...others];
}
