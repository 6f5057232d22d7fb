/** The prompt of a conversation: thinking on or off in the way that the model's template has for it, and the beginning of an answer. Generates nothing. */
import { ModelError } from "../errors.ts";
import type { ChatPromptOptions } from "../events.ts";
import { type ChatMessage, encodeChat, type Tokenizer } from "../tokenizer/mod.ts";
import { reasoningTagsOf, thoughtIn } from "./reasoning_tags.ts";

/** The variable that Qwen3's template and its followers read. */
const SWITCH = "enable_thinking";

/**
 * The ids of a conversation up to the head of the answer, or to the end of its `prefix`. `think` sets the template's own
 * switch; for `off` a template without one gets an empty thought, as Qwen3's writes it, and a model that does not think is
 * left alone. Default: the template decides, or `variables` do.
 * @throws {ModelError} if the model has no chat template, or it fails
 */
export function chatPrompt(
  tokenizer: Tokenizer,
  messages: readonly ChatMessage[],
  { think, tools, variables = {}, prefix = "" }: ChatPromptOptions = {},
): number[] {
  const template = tokenizer.chatTemplate;
  if (template === undefined) {
    throw new ModelError("The model has no chat template: continue a raw prompt instead");
  }
  const hasSwitch = think !== undefined && template.includes(SWITCH);
  const all = hasSwitch ? { ...variables, [SWITCH]: think !== "off" } : variables;
  const asked = { addGenerationPrompt: true, variables: all, ...(tools ? { tools } : {}) };
  const ids = encodeChat(tokenizer, template, messages, asked);
  const isOff = think === "off" && !hasSwitch;
  const empty = isOff || prefix !== "" ? emptyThought(tokenizer, ids, isOff) : [];
  return [...ids, ...empty, ...tokenizer.encode(prefix)];
}

/** What closes the thought that a prompt has opened; `opens`: where it has not, an empty one. */
function emptyThought(tokenizer: Tokenizer, ids: readonly number[], opens: boolean): number[] {
  const tags = reasoningTagsOf(tokenizer);
  if (!tags) return [];
  const isOpen = thoughtIn(tokenizer, tags, ids) === "open";
  if (!isOpen && !opens) return [];
  const text = `${isOpen ? "" : tags.open + "\n"}\n${tags.close}\n\n`;
  return tokenizer.encode(text, { special: true });
}
