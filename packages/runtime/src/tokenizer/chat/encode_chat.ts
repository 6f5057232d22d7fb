/** Token ids of a conversation, where control tokens come from the template alone. Generates nothing. */
import { type ChatMessage, renderChat, type RenderChatOptions } from "./chat_template.ts";
import { ControlGuard, ControlTexts } from "./control_guard.ts";
import type { Tokenizer } from "../tokenizer.ts";

/** What a conversation may bring along; BOS and EOS are the tokenizer's. */
export type EncodeChatOptions = Omit<RenderChatOptions, "bosToken" | "eosToken">;

const ANSWER_IDS: unique symbol = Symbol("ids of an answer");

/**
 * A copy of an assistant's message whose content is fed as `ids`, as the model drew them, instead of being encoded
 * again: other ids may spell the same text. No JSON can bring such ids along.
 */
export function withAnswerIds(message: ChatMessage, ids: readonly number[]): ChatMessage {
  return { ...message, [ANSWER_IDS]: [...ids] } as ChatMessage;
}

function answerIdsOf(message: ChatMessage): readonly number[] | undefined {
  return (message as { readonly [ANSWER_IDS]?: readonly number[] })[ANSWER_IDS];
}

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
 * between two control tokens is encoded as a whole, whoever wrote its parts, as transformers does; only answers with
 * ids of their own stand apart.
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
  const hidden = messages.map((message, i) => ({
    ...guard.hide(message, message.role === "assistant" ? strict : texts),
    ...(answerIdsOf(message) ? { content: guard.placeholder(i) } : {}),
  }));
  const rendered = renderChat(template, hidden, {
    ...options,
    tools: guard.hide(tools),
    variables: guard.hide(variables),
    bosToken: textOf(tokenizer, tokenizer.bosId),
    eosToken: textOf(tokenizer, tokenizer.eosId),
  });
  const ids: number[] = [];
  for (const { text, placeholder } of guard.parts(rendered)) {
    if (placeholder === undefined) appendText(ids, tokenizer, texts, guard, text);
    else appendAll(ids, answerIdsOf(messages[placeholder]) ?? []);
  }
  return ids;
}

/** Appends the ids of rendered text, whose control tokens are all the template's. */
function appendText(
  ids: number[],
  tokenizer: Tokenizer,
  { pattern }: ControlTexts,
  guard: ControlGuard,
  rendered: string,
): void {
  let end = 0;
  for (const match of pattern ? rendered.matchAll(pattern) : []) {
    appendAll(ids, tokenizer.encode(guard.reveal(rendered.slice(end, match.index))));
    ids.push(tokenizer.controlTokens.get(match[0]) as number);
    end = match.index + match[0].length;
  }
  appendAll(ids, tokenizer.encode(guard.reveal(rendered.slice(end))));
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
