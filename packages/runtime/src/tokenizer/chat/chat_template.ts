/** Renders a conversation with the model's own Jinja template. Knows no token ids: see encode_chat.ts. */
import { ModelError } from "../../errors.ts";
import { type ParsedTemplate, parseTemplate, renderBounded } from "./bounded_template.ts";

/** One message; more fields (`tool_calls`, `reasoning_content`, ...) reach the template as they are. */
export interface ChatMessage {
  readonly role: string;
  readonly content?: unknown;
  readonly [field: string]: unknown;
}

/** What a template may ask for besides the messages. */
export interface RenderChatOptions {
  /** Ends with the head of an answer; default false. */
  readonly addGenerationPrompt?: boolean;
  /** Functions that the model may call, as JSON Schema. */
  readonly tools?: readonly unknown[];
  readonly bosToken?: string;
  readonly eosToken?: string;
  /** More variables of the template, such as `enable_thinking`. */
  readonly variables?: Readonly<Record<string, unknown>>;
}

/** Parsed templates are kept up to this many: a server has one a model. */
const KEPT_TEMPLATES = 16;
const parsedTemplates = new Map<string, ParsedTemplate>();

/**
 * The text that `template` makes of `messages`, as transformers' `apply_chat_template` renders it.
 * Throws a `ModelError` when the template is no valid Jinja, refuses the messages, or takes work without end.
 *
 * ```ts
 * import { renderChat } from "@aha/runtime/tokenizer";
 * const template = "{% for m in messages %}[{{ m.role }}] {{ m.content }}{% endfor %}";
 * renderChat(template, [{ role: "user", content: "Hi" }]); // "[user] Hi"
 * ```
 */
export function renderChat(
  template: string,
  messages: readonly ChatMessage[],
  options: RenderChatOptions = {},
): string {
  const parsed = knownTemplate(template);
  try {
    return renderBounded(parsed, {
      ...options.variables,
      messages,
      tools: options.tools ?? null, // templates test `is not none`, and undefined is not none
      documents: null,
      add_generation_prompt: options.addGenerationPrompt ?? false,
      bos_token: options.bosToken ?? "",
      eos_token: options.eosToken ?? "",
    });
  } catch (error) {
    throw new ModelError(`The chat template failed: ${firstLine(error)}`, { cause: error });
  }
}

function knownTemplate(template: string): ParsedTemplate {
  const known = parsedTemplates.get(template);
  if (known) return known;
  try {
    const parsed = parseTemplate(template);
    if (parsedTemplates.size >= KEPT_TEMPLATES) parsedTemplates.clear();
    parsedTemplates.set(template, parsed);
    return parsed;
  } catch (error) {
    // the parser itself fails where a template ends too early
    const reason = error instanceof TypeError ? "it ends inside a tag" : firstLine(error);
    throw new ModelError(`The chat template is not valid Jinja: ${reason}`, { cause: error });
  }
}

function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.trim().split("\n", 1)[0] || "no reason given";
}
