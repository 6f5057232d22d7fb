/** From chat events to OpenAI's chat completions, whole or in chunks. Runs and sends nothing. */
import type { z } from "@hono/zod-openapi";
import type { ChatEvent, ToolCall } from "../../chat/chat_event.ts";
import { totalUsage } from "../../chat/usage.ts";
import type { TokenPrices } from "../../engine/engine.ts";
import type { chatCompletion } from "../../schema/chat_completion.ts";
import {
  type AnswerHead,
  type WireLogprob,
  wireLogprobs,
  wireTimings,
  type WireUsage,
  wireUsage,
} from "./answer_facts.ts";

type End = Extract<ChatEvent, { readonly type: "end" }>;
type Choice = z.infer<typeof chatCompletion>["choices"][number];

/** What is to be told. */
export interface ChatAnswerOptions {
  readonly logprobs: boolean;
  readonly prices?: TokenPrices;
  readonly choices: number;
}

/** A choice as it grows. */
class ChoiceBuilder {
  content = "";
  reasoning = "";
  readonly calls: ToolCall[] = [];
  readonly logprobs: WireLogprob[] = [];
  readonly reasoningLogprobs: WireLogprob[] = [];
  end?: End;

  push(event: ChatEvent, withLogprobs: boolean): void {
    if (event.type === "end") this.end = event;
    else if (event.type === "tool_call") this.calls.push(event.call);
    else {
      this[event.type] += event.text;
      if (!withLogprobs) return;
      const target = event.type === "content" ? this.logprobs : this.reasoningLogprobs;
      target.push(...wireLogprobs(event.tokens));
    }
  }

  choice(index: number, withLogprobs: boolean): Choice {
    const { content, reasoning, calls, logprobs, reasoningLogprobs } = this;
    return {
      index,
      message: {
        role: "assistant",
        content: content === "" && calls.length > 0 ? null : content,
        ...(reasoning === "" ? {} : { reasoning_content: reasoning }),
        ...(calls.length > 0 ? { tool_calls: calls.map(wireCall) } : {}),
        refusal: null,
      },
      logprobs: withLogprobs
        ? {
          content: logprobs,
          ...(reasoning === "" ? {} : { reasoning_content: reasoningLogprobs }),
          refusal: null,
        }
        : null,
      finish_reason: this.end?.finishReason ?? "stop",
    };
  }
}

function wireCall({ id, name, arguments: text }: ToolCall) {
  return { id, type: "function" as const, function: { name, arguments: text } };
}

/** The whole answer; `timings` are those of the first choice. */
export async function chatCompletionOf(
  head: AnswerHead,
  events: AsyncIterable<ChatEvent>,
  { logprobs, prices, choices: count }: ChatAnswerOptions,
): Promise<z.infer<typeof chatCompletion>> {
  const choices = Array.from({ length: count }, () => new ChoiceBuilder());
  for await (const event of events) choices[event.choice].push(event, logprobs);
  const ends = choices.map(({ end }) => end).filter((end) => end !== undefined);
  return {
    ...head,
    object: "chat.completion",
    choices: choices.map((choice, index) => choice.choice(index, logprobs)),
    usage: wireUsage(totalUsage(ends.map(({ usage }) => usage)), prices),
    timings: wireTimings(ends[0].usage, ends[0].timings),
  };
}

/** Chunks of a stream: each choice begins with its role and ends with its reason and timings. */
export class ChatChunks {
  readonly #ends: End[] = [];
  readonly #begun = new Set<number>();

  constructor(
    readonly head: AnswerHead,
    readonly options: ChatAnswerOptions & { readonly includeUsage: boolean },
  ) {}

  /** The chunks that an event becomes: none, one or, where a choice begins, two. */
  push(event: ChatEvent): object[] {
    const chunk = this.#chunkOf(event);
    if (!chunk || this.#begun.has(event.choice)) return chunk ? [chunk] : [];
    this.#begun.add(event.choice);
    const content = event.type === "tool_call" ? null : "";
    return [this.#chunk(event.choice, { role: "assistant", content }), chunk];
  }

  /** The last chunk, where it was asked for. */
  end(): object[] {
    if (!this.options.includeUsage) return [];
    const usage = wireUsage(totalUsage(this.#ends.map((end) => end.usage)), this.options.prices);
    return [{ ...this.head, choices: [], usage }];
  }

  #chunkOf(event: ChatEvent): object | undefined {
    if (event.type === "end") {
      this.#ends.push(event);
      const timings = wireTimings(event.usage, event.timings);
      return { ...this.#chunk(event.choice, {}, event.finishReason), timings };
    }
    if (event.type === "tool_call") {
      const tool_calls = [{ index: event.index, ...wireCall(event.call) }];
      return this.#chunk(event.choice, { tool_calls });
    }
    const { type, text, tokens } = event;
    const isTold = this.options.logprobs && tokens.length > 0;
    if (text === "" && !isTold) return undefined;
    const delta = type === "content" ? { content: text } : { reasoning_content: text };
    const told = isTold ? wireLogprobs(tokens) : [];
    const logprobs = type === "content"
      ? { content: told, refusal: null }
      : { content: [], reasoning_content: told, refusal: null };
    return this.#chunk(event.choice, delta, null, isTold ? logprobs : null);
  }

  #chunk(
    index: number,
    delta: object,
    finish_reason: string | null = null,
    logprobs: object | null = null,
  ): AnswerHead & { readonly choices: readonly object[]; readonly usage?: WireUsage | null } {
    const choices = [{ index, delta, logprobs, finish_reason }];
    return { ...this.head, choices, ...(this.options.includeUsage ? { usage: null } : {}) };
  }
}
