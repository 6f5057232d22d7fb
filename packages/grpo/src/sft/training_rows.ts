/** Rows of supervised data as TRL has them, and what of each is learned, as token ids. Reads no files. */
import type { ChatMessage } from "@aha/runtime";
import { encodeChat, type Tokenizer, withAnswerIds } from "@aha/runtime/tokenizer";
import type { CountedSequence } from "../policy/counted_sequence.ts";
import { begunAnswer, promptIds } from "../trainer/questions.ts";

/**
 * A row, in one of TRL's forms. `messages`: a conversation, of which the assistant's messages are learned. `prompt` and
 * `completion`: texts or messages, of which the completion is learned. `text`: all of it is learned, and its end.
 */
export interface TrainingRow {
  readonly messages?: unknown;
  readonly prompt?: unknown;
  readonly completion?: unknown;
  readonly text?: unknown;
  /** Functions that the assistant may call, as JSON Schema. */
  readonly tools?: unknown;
}

/**
 * The sequences of a row, each a beginning of the conversation with the answers in it that are learned: ids as sampling
 * would feed and draw them, so also the end token. Most conversations are one sequence; where the template writes earlier
 * answers otherwise than they were drawn (R1's and Qwen3's leave thoughts out), each answer has one of its own.
 *
 * @throws {TypeError} saying what is wrong with the row
 * @throws {ModelError} if the chat template fails
 *
 * @example
 * ```ts
 * import { openTokenizer } from "@aha/runtime/tokenizer";
 * import { trainingSequences } from "@aha/grpo";
 * const tokenizer = await openTokenizer("tests/fixtures/models/qwen2/gguf/model-Q8_0.gguf");
 * const [{ ids, mask }] = trainingSequences(tokenizer, { prompt: "2 + 2 =", completion: " 4" });
 * console.log(ids, mask); // 1 for the tokens of " 4" and the end
 * ```
 */
export function trainingSequences(tokenizer: Tokenizer, row: TrainingRow): CountedSequence[] {
  // Tables write null where a row has no such column.
  const [messages, prompt, completion, text] = [
    row.messages ?? undefined,
    row.prompt ?? undefined,
    row.completion ?? undefined,
    row.text ?? undefined,
  ];
  const { tools } = row;
  if (messages !== undefined) {
    return conversation(tokenizer, messagesOf(messages, "messages"), tools);
  }
  if (typeof prompt === "string" && typeof completion === "string") {
    const before = promptIds(tokenizer, prompt);
    return [joined(before, [...encodeAnswer(tokenizer, completion), ...endOf(tokenizer)])];
  }
  if (prompt !== undefined && completion !== undefined) {
    const before = messagesOf(prompt, "prompt");
    return conversation(
      tokenizer,
      [...before, ...messagesOf(completion, "completion")],
      tools,
      before.length,
    );
  }
  if (typeof text === "string") {
    const ids = [...promptIds(tokenizer, text), ...endOf(tokenizer)];
    return [{ ids, mask: new Uint8Array(ids.length).fill(1) }];
  }
  throw new TypeError(
    `The row has ${
      Object.keys(row).join(", ") || "nothing"
    }: messages, prompt and completion, or text are wanted`,
  );
}

/** Answers of the assistant from message `first` on are learned. */
function conversation(
  tokenizer: Tokenizer,
  messages: readonly ChatMessage[],
  tools: unknown,
  first = 0,
): CountedSequence[] {
  const { chatTemplate: template } = tokenizer;
  if (template === undefined) {
    throw new TypeError("The model has no chat template: rows must have texts, not messages");
  }
  const given = Array.isArray(tools) ? { tools } : {};
  const sequences: { ids: number[]; mask: number[] }[] = [];
  messages.forEach((message, i) => {
    if (message.role !== "assistant" || i < first) return;
    const before = encodeChat(tokenizer, template, messages.slice(0, i), {
      ...given,
      addGenerationPrompt: true,
    });
    const answer = answerIds(tokenizer, message, tokenizer.decode(before));
    const through = [...messages.slice(0, i), withAnswerIds(message, answer)];
    const end = endAfter(tokenizer, encodeChat(tokenizer, template, through, given), answer);
    const last = sequences.at(-1);
    const goesOn = last && last.ids.every((id, at) => before[at] === id);
    const sequence = goesOn ? last : { ids: [], mask: [] };
    if (!goesOn) sequences.push(sequence);
    append(sequence, before.slice(sequence.ids.length), 0);
    append(sequence, [...answer, ...end], 1);
  });
  if (sequences.length > 0) return sequences;
  throw new TypeError("The conversation has no message of the assistant: nothing is learned of it");
}

/** An answer as it is drawn: the thought, if it stands apart, in its tags, without what the prompt has begun. */
function answerIds(
  tokenizer: Tokenizer,
  { content, reasoning_content: reasoning, ...others }: ChatMessage,
  promptText: string,
): number[] {
  if (Array.isArray(others.tool_calls) && others.tool_calls.length > 0) {
    throw new TypeError("A message has tool_calls: write them into its content as the model does");
  }
  if (typeof content !== "string") {
    throw new TypeError("A message of the assistant has a content that is no text");
  }
  const thought = typeof reasoning === "string" ? `<think>\n${reasoning}\n</think>\n\n` : "";
  const whole = thought + content;
  const begun = begunAnswer(promptText);
  const rest = whole.startsWith(begun) ? whole.slice(begun.length) : whole;
  return encodeAnswer(tokenizer, rest);
}

/** Ids of what the model itself says: its markers (`<think>`) are tokens, other control tokens stay text. */
function encodeAnswer(tokenizer: Tokenizer, text: string): number[] {
  const markers = new Map(tokenizer.markerTokens);
  for (const tag of ["<think>", "</think>"]) {
    const id = tokenizer.controlTokens.get(tag);
    if (id !== undefined) markers.set(tag, id);
  }
  if (markers.size === 0) return tokenizer.encode(text);
  const escaped = [...markers.keys()].map((tag) => tag.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return text.split(new RegExp(`(${escaped.join("|")})`)).flatMap((part) => {
    const marker = markers.get(part);
    return marker === undefined ? tokenizer.encode(part) : [marker];
  });
}

/** What the template writes after an answer, up to the token that ends it. */
function endAfter(tokenizer: Tokenizer, whole: readonly number[], answer: readonly number[]) {
  for (let at = whole.length - answer.length; at >= 0; at--) {
    if (!answer.every((id, i) => whole[at + i] === id)) continue;
    const after = whole.slice(at + answer.length);
    const end = after.findIndex((id) => tokenizer.endIds.has(id));
    return end < 0 ? endOf(tokenizer) : after.slice(0, end + 1);
  }
  return endOf(tokenizer);
}

function endOf({ eosId }: Tokenizer): number[] {
  return eosId === undefined ? [] : [eosId];
}

function joined(before: readonly number[], after: readonly number[]): CountedSequence {
  const sequence = { ids: [], mask: [] };
  append(sequence, before, 0);
  append(sequence, after, 1);
  return sequence;
}

function append(
  { ids, mask }: { ids: number[]; mask: number[] },
  more: readonly number[],
  counts: 0 | 1,
): void {
  for (const id of more) {
    ids.push(id);
    mask.push(counts);
  }
}

function messagesOf(value: unknown, name: string): ChatMessage[] {
  if (!Array.isArray(value)) throw new TypeError(`${name} is no list of messages`);
  const wrong = value.findIndex((message) => typeof message?.role !== "string");
  if (wrong < 0) return value as ChatMessage[];
  throw new TypeError(`${name}[${wrong}] has no role`);
}
