/** From events to OpenAI's completions, whole or in chunks. Runs and sends nothing. */
import type { z } from "@hono/zod-openapi";
import type { Usage } from "@aha/runtime";
import { totalUsage } from "../../chat/usage.ts";
import type { TokenPrices } from "../../engine/engine.ts";
import type { ServedEvent, ServedText } from "../../engine/served_model.ts";
import type { completion } from "../../schema/completion.ts";
import {
  type AnswerHead,
  wireLogprobs,
  type WireTimings,
  wireTimings,
  wireUsage,
} from "./answer_facts.ts";

type Completion = z.infer<typeof completion>;
type Choice = Completion["choices"][number];
type Logprobs = NonNullable<Choice["logprobs"]>;
type End = Extract<ServedEvent, { readonly type: "end" }>;

/** What is to be told. */
export interface CompletionOptions {
  /** What the text of each choice begins with: its prompt, where that is to be repeated. */
  readonly prefixes: readonly string[];
  readonly choicesEach: number;
  readonly logprobs: boolean;
  readonly prices?: TokenPrices;
  readonly includeUsage: boolean;
}

/** The whole answer; `timings` are those of the first choice. */
export async function completionOf(
  head: AnswerHead,
  events: AsyncIterable<ServedEvent & { readonly choice: number }>,
  options: CompletionOptions,
): Promise<Completion> {
  const chunks = new CompletionChunks(head, options);
  const choices: Choice[] = options.prefixes.map((_, index) => emptyChoice(index, options));
  for await (const event of events) {
    for (const { choices: [part] } of chunks.push(event)) append(choices[part.index], part);
  }
  const [{ usage, timings }] = chunks.ends;
  return {
    ...{ ...head, object: "text_completion", choices },
    usage: chunks.usage(),
    timings: wireTimings(usage, timings),
  };
}

function emptyChoice(index: number, { logprobs }: CompletionOptions): Choice {
  return { index, text: "", logprobs: logprobs ? noLogprobs() : null, finish_reason: "stop" };
}

function noLogprobs(): Logprobs {
  return { tokens: [], token_logprobs: [], top_logprobs: [], text_offset: [] };
}

function append(choice: Choice, part: ChunkChoice): void {
  choice.text += part.text;
  if (part.reasoning_content !== undefined) {
    choice.reasoning_content = (choice.reasoning_content ?? "") + part.reasoning_content;
  }
  for (const key of ["tokens", "token_logprobs", "top_logprobs", "text_offset"] as const) {
    choice.logprobs?.[key].push(...(part.logprobs?.[key] ?? []) as never[]);
  }
  if (part.finish_reason) choice.finish_reason = part.finish_reason;
}

type ChunkChoice = Omit<Choice, "finish_reason"> & {
  readonly finish_reason: Choice["finish_reason"] | null;
};

interface Chunk extends AnswerHead {
  readonly choices: readonly ChunkChoice[];
  readonly usage?: null;
  /** With the end of a choice. */
  readonly timings?: WireTimings;
}

/** Chunks of a stream. A thought is told apart from the text, as everywhere here. */
export class CompletionChunks {
  /** Of each choice, by its number. */
  readonly ends: End[] = [];
  /** Length of each choice's text so far; missing where nothing has been told. */
  readonly #lengths: (number | undefined)[] = [];

  constructor(readonly head: AnswerHead, readonly options: CompletionOptions) {}

  push(event: ServedEvent & { readonly choice: number }): Chunk[] {
    const { choice: index } = event;
    const prefix = this.#lengths[index] === undefined ? this.options.prefixes[index] : "";
    const start = (this.#lengths[index] ?? 0) + prefix.length;
    this.#lengths[index] = start;
    if (event.type === "end") {
      this.ends[index] = event;
      const finish_reason = event.finishReason;
      const timings = wireTimings(event.usage, event.timings);
      return [{ ...this.#chunk({ index, text: prefix, logprobs: null, finish_reason }), timings }];
    }
    const text = prefix + (event.type === "content" ? event.text : "");
    const isTold = this.options.logprobs && event.tokens.length > 0;
    if (event.text === "" && text === "" && !isTold) return [];
    this.#lengths[index] = start + text.length - prefix.length;
    return [this.#chunk({
      ...{ index, text },
      ...(event.type === "reasoning" ? { reasoning_content: event.text } : {}),
      logprobs: isTold ? legacyLogprobs(event, start) : null,
      finish_reason: null,
    })];
  }

  /** The prompt of each group of choices is counted once. */
  usage(): Completion["usage"] {
    const { choicesEach, prices } = this.options;
    const usages = this.ends.map(({ usage }) => usage);
    const groups: Usage[] = [];
    for (let i = 0; i < usages.length; i += choicesEach) {
      groups.push(totalUsage(usages.slice(i, i + choicesEach)));
    }
    return wireUsage(groups.reduce(sum), prices);
  }

  usageChunk(): object {
    return { ...this.head, choices: [], usage: this.usage() };
  }

  #chunk(choice: ChunkChoice): Chunk {
    const usage = this.options.includeUsage ? { usage: null } : {};
    return { ...this.head, choices: [choice], ...usage };
  }
}

function sum(a: Usage, b: Usage): Usage {
  return {
    promptTokens: a.promptTokens + b.promptTokens,
    cachedPromptTokens: a.cachedPromptTokens + b.cachedPromptTokens,
    completionTokens: a.completionTokens + b.completionTokens,
    reasoningTokens: a.reasoningTokens + b.reasoningTokens,
  };
}

/** Tokens of one character stand together at the place where it begins. */
function legacyLogprobs({ tokens }: ServedText, offset: number): Logprobs {
  const told = wireLogprobs(tokens);
  return {
    tokens: told.map(({ token }) => token),
    token_logprobs: told.map(({ logprob }) => logprob),
    top_logprobs: told.map(({ top_logprobs }) =>
      Object.fromEntries(top_logprobs.map(({ token, logprob }) => [token, logprob]))
    ),
    text_offset: tokens.map(({ at = 0 }) => offset + at),
  };
}
