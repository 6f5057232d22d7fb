/** The prompt of a conversation with thinking on or off, in the way that the model's template has for it. Generates nothing. */
import { ModelError } from "../errors.ts";
import { type ChatMessage, encodeChat, type Tokenizer } from "../tokenizer/mod.ts";
import { endsInThought, reasoningTagsOf } from "./reasoning_tags.ts";

/** The variable that Qwen3's template and its followers read. */
const SWITCH = "enable_thinking";

/**
 * The ids of a conversation up to the head of the answer. `off` sets the template's own switch; a template without one
 * gets an empty thought, as Qwen3's writes it; a model that does not think is left alone. `on` and budgets set the switch too; default: the template decides.
 * @throws {ModelError} if the model has no chat template
 */
export function thinkingPrompt(
  tokenizer: Tokenizer,
  messages: readonly ChatMessage[],
  think?: "on" | "off" | number,
): number[] {
  const template = tokenizer.chatTemplate;
  if (template === undefined) {
    throw new ModelError("The model has no chat template: continue a raw prompt instead");
  }
  const hasSwitch = think !== undefined && template.includes(SWITCH);
  const variables = hasSwitch ? { [SWITCH]: think !== "off" } : {};
  const ids = encodeChat(tokenizer, template, messages, { addGenerationPrompt: true, variables });
  const tags = reasoningTagsOf(tokenizer);
  if (think !== "off" || hasSwitch || !tags) return ids;
  const empty = endsInThought(tokenizer, tags, ids)
    ? `\n${tags.close}\n\n`
    : `${tags.open}\n\n${tags.close}\n\n`;
  return [...ids, ...tokenizer.encode(empty, { special: true })];
}
