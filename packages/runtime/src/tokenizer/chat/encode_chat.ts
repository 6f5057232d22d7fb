/** Token ids of a conversation, where control tokens come from the template alone. Generates nothing. */
import { type ChatMessage, renderChat, type RenderChatOptions } from "./chat_template.ts";
import { ControlGuard, ControlTexts } from "./control_guard.ts";
import type { Tokenizer } from "../tokenizer.ts";

/** What a conversation may bring along; BOS and EOS are the tokenizer's. */
export type EncodeChatOptions = Omit<RenderChatOptions, "bosToken" | "eosToken">;

/** What messages may not contain: `all` in what others say, `strict` in what the model itself has said. */
interface Guarded {
  readonly all: ControlTexts;
  readonly strict: ControlTexts;
}
const guardedTexts = new WeakMap<Tokenizer, Guarded>();

/**
 * Renders `messages` with `template` and encodes the result. A control token that a message, a tool
 * or a variable contains stays text: a user who writes `<|im_end|>` doesn't end the turn, and one who
 * writes `<think>` begins no thought. The model's own messages keep their markers (`<think>`,
 * `<tool_call>`), which templates look for. The text
 * between two control tokens is encoded as a whole, whoever wrote its parts, as transformers does.
 * Throws a `ModelError` when the template fails.
 */
export function encodeChat(
  tokenizer: Tokenizer,
  template: string,
  messages: readonly ChatMessage[],
  options: EncodeChatOptions = {},
): number[] {
  const { all: texts, strict } = textsOf(tokenizer);
  const { tools, variables } = options;
  const used = JSON.stringify([template, messages, tools, variables, texts.firstCharacters]);
  const guard = new ControlGuard(texts, used);
  const hidden = messages.map((message) =>
    guard.hide(message, message.role === "assistant" ? strict : texts)
  );
  const rendered = renderChat(template, hidden, {
    ...options,
    tools: guard.hide(tools),
    variables: guard.hide(variables),
    bosToken: textOf(tokenizer, tokenizer.bosId),
    eosToken: textOf(tokenizer, tokenizer.eosId),
  });
  const ids: number[] = [];
  let end = 0;
  for (const match of texts.pattern ? rendered.matchAll(texts.pattern) : []) {
    appendAll(ids, tokenizer.encode(guard.reveal(rendered.slice(end, match.index))));
    ids.push(tokenizer.controlTokens.get(match[0]) as number);
    end = match.index + match[0].length;
  }
  appendAll(ids, tokenizer.encode(guard.reveal(rendered.slice(end))));
  return ids;
}

function textsOf(tokenizer: Tokenizer): Guarded {
  let guarded = guardedTexts.get(tokenizer);
  if (!guarded) {
    const { controlTokens, markerTokens } = tokenizer;
    const strict = [...controlTokens.keys()].filter((text) => !markerTokens.has(text));
    guarded = {
      all: new ControlTexts(controlTokens.keys()),
      strict: new ControlTexts(strict),
    };
    guardedTexts.set(tokenizer, guarded);
  }
  return guarded;
}

function textOf(tokenizer: Tokenizer, id: number | undefined): string {
  return id === undefined ? "" : tokenizer.tokenText(id);
}

/** A spread would overflow the stack with long texts. */
function appendAll(ids: number[], more: readonly number[]): void {
  for (const id of more) ids.push(id);
}
