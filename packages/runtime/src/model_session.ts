/** The model as a library user holds it: chat, complete, score. Joins text and ids; the numbers are the decoder's. */
import type { Decoder } from "./decoder.ts";
import type {
  CompleteOptions,
  Completion,
  GenerateOptions,
  GenerationEvent,
  Score,
} from "./events.ts";
import { generate, type Generator } from "./generate.ts";
import type { KvCache, KvType } from "./kv_cache.ts";
import type { ModelConfig } from "./model/config.ts";
import type { Backend } from "./ops.ts";
import { AnswerStream } from "./answer/answer_stream.ts";
import { closingIds, endsInThought, reasoningTagsOf } from "./answer/reasoning_tags.ts";
import { ThinkingBudget } from "./answer/thinking_budget.ts";
import { thinkingPrompt } from "./answer/thinking_prompt.ts";
import type { SamplingDefaults } from "./sampler/draw_options.ts";
import type { ChatMessage, Tokenizer } from "./tokenizer/mod.ts";

/** What a loaded model is made of. */
export interface ModelParts {
  readonly name: string;
  readonly backend: Backend;
  readonly decoder: Decoder;
  readonly tokenizer: Tokenizer;
  readonly kvType: KvType;
  readonly defaults: SamplingDefaults;
  readonly loadMs: number;
}

/** Options of `score`. */
export interface ScoreOptions {
  readonly signal?: AbortSignal;
  /** Storage of keys and values. Default f32. */
  readonly kvType?: KvType;
  /** Called with rows of raw logits `[rows, V]` in order. */
  readonly onLogits?: (logits: Float32Array) => void;
}

/** A loaded model; made by `loadModel`. Close it, or declare it with `await using`. */
export class Model {
  readonly name: string;
  readonly tokenizer: Tokenizer;
  /** Milliseconds from the call of `loadModel` to ready. */
  readonly loadMs: number;
  readonly #parts: ModelParts;
  readonly #caches = new Map<KvType, KvCache>();
  #closed = false;

  /** Not for callers: see `loadModel`. */
  constructor(parts: ModelParts) {
    this.#parts = parts;
    this.name = parts.name;
    this.tokenizer = parts.tokenizer;
    this.loadMs = parts.loadMs;
  }

  /** Sizes of the model. */
  get config(): ModelConfig {
    return this.#parts.decoder.model.config;
  }

  /** Most tokens of prompt and answer together. */
  get contextTokens(): number {
    return this.#parts.decoder.contextTokens;
  }

  /** What runs it. */
  get backend(): { readonly name: string; readonly variant: string; readonly threads: number } {
    const { name, variant, threads } = this.#parts.backend;
    return { name, variant, threads };
  }

  /** Bytes that the backend has reserved. */
  get memoryBytes(): number {
    return this.#parts.backend.memoryBytes();
  }

  /**
   * Answers a conversation, piece by piece.
   * @throws {ModelError} if the model has no chat template
   * @throws {ContextFullError} if the conversation does not fit
   */
  async *chat(
    messages: readonly ChatMessage[],
    options: GenerateOptions = {},
  ): AsyncGenerator<GenerationEvent> {
    yield* this.#events(this.chatIds(messages, options), options);
  }

  /**
   * Continues a prompt and gives the whole result at once. A text prompt gets the model's BOS token if it wants one;
   * ids are taken as they are.
   */
  async complete(
    prompt: string | readonly number[],
    options: CompleteOptions = {},
  ): Promise<Completion> {
    const promptIds = typeof prompt === "string" ? this.promptIds(prompt) : prompt;
    const ids: number[] = [];
    const logprobs: number[] = [];
    const texts = { content: "", reasoning: "" };
    for await (const event of this.#events(promptIds, options)) {
      if (event.type === "end") {
        const { finishReason, usage, timings } = event;
        const { content: text, reasoning } = texts;
        return { promptIds, ids, logprobs, text, reasoning, finishReason, usage, timings };
      }
      texts[event.type] += event.text;
      const onPiece = event.type === "reasoning" ? options.onReasoning : options.onText;
      if (event.text !== "") onPiece?.(event.text);
      ids.push(...event.ids);
      logprobs.push(...event.logprobs);
    }
    throw new Error("The generation ended without an end event");
  }

  /** Log-probabilities of a given sequence (natural logs of softmax of the raw logits). */
  async score(ids: readonly number[], options: ScoreOptions = {}): Promise<Score> {
    const cache = this.#cache(options.kvType ?? "f32");
    const logprobs = Array.from(await this.#parts.decoder.score(cache, ids, options));
    const sum = logprobs.reduce((total, value) => total + value, 0);
    return { ids, logprobs, meanNll: logprobs.length > 0 ? -sum / logprobs.length : 0 };
  }

  /** The ids that `chat` feeds for a conversation; `think` is asked for in the model's own way. */
  chatIds(
    messages: readonly ChatMessage[],
    options: Pick<GenerateOptions, "think"> = {},
  ): number[] {
    return thinkingPrompt(this.tokenizer, messages, options.think);
  }

  /** The ids that `complete` feeds for a text. */
  promptIds(text: string): number[] {
    const { addBos, bosId } = this.tokenizer;
    const ids = this.tokenizer.encode(text);
    return addBos && bosId !== undefined ? [bosId, ...ids] : ids;
  }

  /** Ends the helper threads. Closing twice does nothing. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#parts.backend.close();
  }

  /** `await using` closes the model at the end of the block. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async *#events(
    promptIds: readonly number[],
    options: GenerateOptions,
  ): AsyncGenerator<GenerationEvent> {
    const { decoder, kvType, defaults } = this.#parts;
    const cache = this.#cache(kvType);
    const { tokenizer } = this;
    const tags = reasoningTagsOf(tokenizer);
    const inThought = tags !== undefined && endsInThought(tokenizer, tags, promptIds);
    const answer = new AnswerStream({ tokenizer, tags, inThought, stop: options.stop });
    const budget = budgetOf(options, tags ? closingIds(tokenizer, tags) : []);
    const forcedNext = () => budget?.next(answer.isThinking);
    const generator: Generator = {
      ...{ decoder, cache, defaults, forcedNext, endIds: tokenizer.endIds },
    };
    const tokens = generate(generator, promptIds, options);
    let count = 0;
    try {
      for (;;) {
        this.#expectOpen();
        const { value, done } = await tokens.next(answer.stopped);
        if (done) {
          yield* answer.end();
          const usage = { promptTokens: promptIds.length, completionTokens: count };
          yield { type: "end", ...value, usage };
          return;
        }
        count++;
        if (answer.isThinking) budget?.count();
        yield* answer.push(value.id, value.logprob);
      }
    } finally {
      await tokens.return?.(undefined as never);
    }
  }

  #expectOpen(): void {
    if (this.#closed) throw new TypeError("The model is closed");
  }

  /** Caches are made on demand: generation and scoring may store keys differently. */
  #cache(type: KvType): KvCache {
    this.#expectOpen();
    let cache = this.#caches.get(type);
    if (!cache) {
      cache = this.#parts.backend.createCache(this.#parts.decoder.model.kvShape(type));
      this.#caches.set(type, cache);
    }
    return cache;
  }
}

/** @throws {RangeError} when the budget is no whole number */
function budgetOf(
  { think }: GenerateOptions,
  closing: readonly number[],
): ThinkingBudget | undefined {
  if (typeof think !== "number") return undefined;
  if (!(Number.isInteger(think) && think >= 0)) {
    throw new RangeError(`think is ${think}, a budget must be a whole number of at least 0`);
  }
  return closing.length > 0 ? new ThinkingBudget(think, closing) : undefined;
}
