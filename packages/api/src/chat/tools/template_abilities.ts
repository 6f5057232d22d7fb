/** What a chat template makes of tools, found out by rendering a small conversation. Writes no prompt of a request. */
import { type ChatMessage, renderChat } from "@aha/runtime/tokenizer";
import { ToolCallStream } from "./tool_call_stream.ts";
import { deepseek, dialects, hermes, type ToolDialect, type WrittenCall } from "./tool_dialect.ts";

/** How messages with calls must look for a template. */
export interface CallStyle {
  /** Templates read arguments as JSON's text or as an object. */
  readonly arguments: "text" | "object";
  /** Content of a message that has calls alone. */
  readonly emptyContent: "" | null;
  /** Whether a message may have content and calls. */
  readonly joinsContent: boolean;
  /** Whether a message may have several calls. */
  readonly joinsCalls: boolean;
}

/** What a template knows of tools. */
export interface TemplateAbilities {
  readonly dialect: ToolDialect;
  /** Whether it tells the model which tools there are. */
  readonly describesTools: boolean;
  /** How it wants calls; undefined: it knows neither calls nor results, which must be plain text. */
  readonly calls?: CallStyle;
}

/** Without a template that knows tools: the form that most models have seen. */
const NONE: TemplateAbilities = { dialect: hermes, describesTools: false };

const KEPT = 16;
const known = new Map<string, TemplateAbilities>();

/** The abilities of a template, kept for the next time; undefined: no template. */
export function templateAbilities(template: string | undefined): TemplateAbilities {
  if (template === undefined) return NONE;
  let abilities = known.get(template);
  if (!abilities) {
    abilities = findAbilities(template);
    if (known.size >= KEPT) known.clear();
    known.set(template, abilities);
  }
  return abilities;
}

/** A message of the template's form with calls, their arguments as it wants them. */
export function callFields(
  calls: readonly (WrittenCall & { readonly id?: string })[],
  form: CallStyle["arguments"],
): { readonly tool_calls: readonly unknown[] } {
  return {
    tool_calls: calls.map((call) => ({
      ...(call.id === undefined ? {} : { id: call.id }),
      type: "function",
      function: {
        name: call.name,
        arguments: form === "text" ? call.arguments : objectOf(call.arguments),
      },
    })),
  };
}

/** What a history holds may be no JSON: then templates get it as it is. */
function objectOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

const ID = "call_0a1b2c3d4";
const CALL = { id: ID, name: "probe_function", arguments: '{"probe_argument": "probe_value"}' };
const SECOND = { ...CALL, name: "probe_other" };
const TOOL = {
  type: "function",
  function: {
    name: CALL.name,
    description: "probe_description",
    parameters: {
      type: "object",
      properties: { probe_argument: { type: "string", description: "probe_description" } },
    },
  },
};
const QUESTION = { role: "user", content: "probe_question" };
const RESULT = { role: "tool", tool_call_id: ID, name: CALL.name, content: "probe_result" };

function findAbilities(template: string): TemplateAbilities {
  const render = (messages: readonly ChatMessage[]): string => rendered(template, messages);
  for (const emptyContent of ["", null] as const) {
    for (const form of ["text", "object"] as const) {
      const answer = (content: string | null, ...calls: readonly typeof CALL[]): ChatMessage => ({
        ...{ role: "assistant", content: content },
        ...callFields(calls, form),
      });
      const text = render([QUESTION, answer(emptyContent, CALL), RESULT]);
      const dialect = text.includes(RESULT.content) ? dialectOf(text) : undefined;
      if (!dialect) continue;
      const full = render([QUESTION, answer("probe_content", CALL), RESULT]);
      const both = render([QUESTION, answer(emptyContent, CALL, SECOND), RESULT]);
      const at = full.indexOf("probe_content");
      return {
        dialect,
        describesTools: render([QUESTION]).includes(CALL.name),
        calls: {
          ...{ arguments: form, emptyContent },
          joinsContent: at >= 0 && hasCall(dialect, full.slice(at), CALL),
          joinsCalls: hasCall(dialect, both, CALL) && hasCall(dialect, both, SECOND),
        },
      };
    }
  }
  return NONE;
}

/** "" where the template refuses. */
function rendered(template: string, messages: readonly ChatMessage[]): string {
  try {
    return renderChat(template, messages, { tools: [TOOL], addGenerationPrompt: true });
  } catch {
    return "";
  }
}

/** The dialect in which the call stands in the text; DeepSeek's two are read alike, but written differently. */
function dialectOf(text: string): ToolDialect | undefined {
  const dialect = dialects.find((each) => hasCall(each, text, CALL));
  return dialect && text.includes(deepseek.before(CALL.name)) ? deepseek : dialect;
}

/** Whether the call can be read at one of the places where it may begin. */
function hasCall(dialect: ToolDialect, text: string, call: WrittenCall): boolean {
  return dialect.openings.some((opening) => {
    for (let at = text.indexOf(opening); at >= 0; at = text.indexOf(opening, at + 1)) {
      if (firstCall(dialect, text.slice(at), call)) return true;
    }
    return false;
  });
}

function firstCall(dialect: ToolDialect, text: string, call: WrittenCall): boolean {
  const stream = new ToolCallStream(dialect, ({ name }) => name === call.name);
  const [first] = [...stream.push(text, []), ...stream.end()];
  return first?.type === "call" &&
    JSON.stringify(JSON.parse(first.call.arguments)) ===
      JSON.stringify(JSON.parse(call.arguments));
}
