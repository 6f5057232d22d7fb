/** Turns the events of an answer into Ollama's objects: lines of a stream, or one for all. Asks no model. */
import type { Timings, Usage } from "@aha/runtime";
import type { ChatEvent } from "../../chat/chat_event.ts";
import type { ServedEvent, ServedText, ServedToken } from "../../engine/served_model.ts";

/** A function that the model calls; unlike OpenAI's its arguments are an object. */
export interface OllamaToolCall {
  readonly id: string;
  readonly function: {
    readonly index: number;
    readonly name: string;
    readonly arguments: Readonly<Record<string, unknown>>;
  };
}

interface OllamaTokenLogprob {
  readonly token: string;
  readonly logprob: number;
  readonly bytes: readonly number[];
}

/** A token of the answer, with the most probable ones at its place where asked for. */
export interface OllamaLogprob extends OllamaTokenLogprob {
  readonly top_logprobs?: readonly OllamaTokenLogprob[];
}

/** A part of an answer, or all of it. */
export interface AnswerPart {
  readonly thinking: string;
  readonly content: string;
  readonly toolCalls: readonly OllamaToolCall[];
  readonly logprobs: readonly OllamaLogprob[];
}

/** The fields of a part as a route names them: `message` of /api/chat, `response` of /api/generate. */
export type PartFields = (part: AnswerPart) => Readonly<Record<string, unknown>>;

/** An object of a stream, or the only one. */
export type OllamaLine = Readonly<Record<string, unknown>>;

/** What the objects of an answer have in common. */
export interface AnswerForm {
  /** As the request named it. */
  readonly model: string;
  readonly fields: PartFields;
  readonly hasLogprobs: boolean;
  /** `performance.now()` of the request, and milliseconds of loading. */
  readonly startMs: number;
  readonly loadMs: number;
  /** Fields of the last object besides. */
  readonly lastFields?: () => OllamaLine | Promise<OllamaLine>;
}

const NANOSECONDS = 1e6;
const NOTHING: AnswerPart = { thinking: "", content: "", toolCalls: [], logprobs: [] };

/** Milliseconds as whole nanoseconds. */
export function nanoseconds(ms: number): number {
  return Math.round(ms * NANOSECONDS);
}

/** The lines of a stream. */
export async function* answerLines(
  events: AsyncIterable<ChatEvent | ServedEvent>,
  form: AnswerForm,
): AsyncGenerator<OllamaLine> {
  for await (const event of events) {
    if (event.type === "end") {
      yield await lastLine(event, NOTHING, form);
      continue;
    }
    const part = partOf(event, form.hasLogprobs);
    if (isEmpty(part)) continue; // a token that ends no character, or a tag
    yield { ...headOf(form), ...form.fields(part), done: false, ...logprobFields(part) };
  }
}

/** The one object of an answer that is not streamed. */
export async function wholeAnswer(
  events: AsyncIterable<ChatEvent | ServedEvent>,
  form: AnswerForm,
): Promise<OllamaLine> {
  const parts: AnswerPart[] = [];
  for await (const event of events) {
    if (event.type === "end") return await lastLine(event, joined(parts), form);
    parts.push(partOf(event, form.hasLogprobs));
  }
  throw new Error("The answer has no end");
}

/** The object that says that a model was loaded or unloaded. */
export function emptyLine(
  model: string,
  fields: PartFields,
  reason: "load" | "unload",
): OllamaLine {
  return { model, created_at: now(), ...fields(NOTHING), done: true, done_reason: reason };
}

type EndEvent = Extract<ChatEvent | ServedEvent, { readonly type: "end" }>;

async function lastLine(end: EndEvent, part: AnswerPart, form: AnswerForm): Promise<OllamaLine> {
  return {
    ...headOf(form),
    ...form.fields(part),
    done: true,
    done_reason: end.finishReason === "length" ? "length" : "stop",
    ...(await form.lastFields?.()),
    total_duration: nanoseconds(performance.now() - form.startMs),
    load_duration: nanoseconds(form.loadMs),
    ...countsOf(end.usage, end.timings),
    ...logprobFields(part),
  };
}

function countsOf(usage: Usage, timings: Timings): OllamaLine {
  const { timeToFirstTokenMs, tokensPerSecond } = timings;
  const answerMs = tokensPerSecond > 0 ? usage.completionTokens / tokensPerSecond * 1_000 : 0;
  return {
    prompt_eval_count: usage.promptTokens,
    prompt_eval_duration: nanoseconds(timeToFirstTokenMs),
    eval_count: usage.completionTokens,
    eval_duration: nanoseconds(answerMs),
  };
}

function headOf({ model }: AnswerForm): OllamaLine {
  return { model, created_at: now() };
}

function now(): string {
  return new Date().toISOString();
}

function logprobFields({ logprobs }: AnswerPart): OllamaLine {
  return logprobs.length > 0 ? { logprobs } : {};
}

function isEmpty({ thinking, content, toolCalls, logprobs }: AnswerPart): boolean {
  return thinking === "" && content === "" && toolCalls.length === 0 && logprobs.length === 0;
}

function partOf(
  event: Exclude<ChatEvent | ServedEvent, EndEvent>,
  hasLogprobs: boolean,
): AnswerPart {
  if (event.type === "tool_call") {
    const { id, name, arguments: json } = event.call;
    const called = { index: event.index, name, arguments: JSON.parse(json) };
    return { ...NOTHING, toolCalls: [{ id, function: called }] };
  }
  const logprobs = hasLogprobs ? event.tokens.map(logprobOf) : [];
  return event.type === "reasoning"
    ? { ...NOTHING, thinking: event.text, logprobs }
    : { ...NOTHING, content: event.text, logprobs };
}

function joined(parts: readonly AnswerPart[]): AnswerPart {
  return {
    thinking: parts.map(({ thinking }) => thinking).join(""),
    content: parts.map(({ content }) => content).join(""),
    toolCalls: parts.flatMap(({ toolCalls }) => toolCalls),
    logprobs: parts.flatMap(({ logprobs }) => logprobs),
  };
}

function logprobOf({ top, ...token }: ServedText["tokens"][number]): OllamaLogprob {
  return { ...tokenLogprob(token), ...(top ? { top_logprobs: top.map(tokenLogprob) } : {}) };
}

function tokenLogprob({ bytes, logprob }: ServedToken): OllamaTokenLogprob {
  return { token: new TextDecoder().decode(bytes), logprob, bytes: [...bytes] };
}
