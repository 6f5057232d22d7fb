/** The model as a library user holds it: chat, complete, many at once, score. Joins text and ids; the engine does the work. */
import { chatPrompt } from "./answer/chat_prompt.ts";
import { reasoningTagsOf } from "./answer/reasoning_tags.ts";
import { ChatSession, type SessionOptions } from "./chat_session.ts";
import { answerEvents, type AnswerSource } from "./engine/answer_events.ts";
import type { Decoder } from "./engine/decoder.ts";
import { ExpertLoad } from "./engine/expert_load.ts";
import { allOrNone, completionOf, occurrences } from "./engine/completion.ts";
import { embedAll, type EmbeddingForm } from "./engine/reading/embed.ts";
import { Reader } from "./engine/reading/reader.ts";
import { expectExperts } from "./engine/routing_record.ts";
import { Scheduler } from "./engine/scheduler.ts";
import { StepSize } from "./engine/step_size.ts";
import type {
  AdapterFacts,
  AdapterOptions,
  BatchOptions,
  ChatOptions,
  ChatPromptOptions,
  CompleteOptions,
  Completion,
  EmbedOptions,
  GenerateOptions,
  GenerationEvent,
  Occupancy,
  Score,
  ScoreOptions,
} from "./events.ts";
import { type KvType, PAGE_TOKENS } from "./kv_cache.ts";
import type { ByteSink } from "./gguf/mod.ts";
import type { LoadedAdapters } from "./lora/loading/loaded_adapters.ts";
import type { ModelConfig } from "./model/config.ts";
import type { Backend } from "./ops.ts";
import { checkPrompt } from "./prompt_cache/prompt_cache_arguments.ts";
import { type AdaptedDecoder, PromptCaches } from "./prompt_cache/prompt_caches.ts";
import type { RestoredPromptCache } from "./prompt_cache/read_prompt_cache.ts";
import type { SavedPromptCache, SavePromptCacheOptions } from "./prompt_cache/save_prompt_cache.ts";
import type { SamplingDefaults } from "./sampler/draw_options.ts";
import type { ChatMessage, Tokenizer } from "./tokenizer/mod.ts";
import type { FileFacts } from "./weights/file_facts.ts";

/** What a loaded model is made of. */
export interface ModelParts {
  readonly name: string;
  readonly backend: Backend;
  readonly decoder: Decoder;
  readonly adapters: LoadedAdapters;
  readonly tokenizer: Tokenizer;
  readonly kvType: KvType;
  readonly file: FileFacts;
  /** 32 bytes that tell this model from others. */
  readonly fingerprint: () => Promise<Uint8Array<ArrayBuffer>>;
  /** Tokens that the cache of generation holds, of all sequences together. */
  readonly cacheTokens: number;
  readonly defaults: SamplingDefaults;
  readonly embedding: EmbeddingForm;
  readonly loadMs: number;
}

/** About how long a step may block the caller's thread; a build without threads often runs in a page. */
const STEP_MS = { threads: 250, single: 50 };

/** A loaded model; made by `loadModel`. Close it, or declare it with `await using`. */
export class Model {
  readonly name: string;
  readonly tokenizer: Tokenizer;
  /** Milliseconds from the call of `loadModel` to ready. */
  readonly loadMs: number;
  /** What its file says of the weights. */
  readonly file: FileFacts;
  /** Whether answers may begin with a thought: its tokenizer or template has the tags. */
  readonly isReasoning: boolean;
  readonly #parts: ModelParts;
  readonly #source: AnswerSource;
  readonly #reader: Reader;
  readonly #promptCaches: PromptCaches;
  readonly #closing = new AbortController();

  /** Not for callers: see `loadModel`. */
  constructor(parts: ModelParts) {
    const { name, tokenizer, loadMs, backend, decoder, defaults } = parts;
    this.#parts = parts;
    this.name = name;
    this.tokenizer = tokenizer;
    this.loadMs = loadMs;
    this.file = parts.file;
    this.isReasoning = reasoningTagsOf(tokenizer) !== undefined;
    const shape = decoder.model.kvShape(parts.kvType);
    const cache = backend.createCache(shape, Math.ceil(parts.cacheTokens / PAGE_TOKENS));
    const maxStepMs = backend.variant === "simd" ? STEP_MS.single : STEP_MS.threads;
    const scheduler = new Scheduler(decoder, cache, new StepSize(maxStepMs));
    this.#reader = new Reader(decoder, backend, maxStepMs);
    this.#source = { scheduler, tokenizer, defaults };
    this.#promptCaches = new PromptCaches({ ...parts, scheduler, numericsId: backend.numericsId });
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

  /** The low-rank adapters that it was loaded with; requests choose among them (`adapter`). */
  get adapters(): readonly AdapterFacts[] {
    return this.#parts.adapters.facts;
  }

  /** How keys and values are stored in generation. */
  get kvType(): KvType {
    return this.#parts.kvType;
  }

  /** Bytes that the backend has reserved. */
  get memoryBytes(): number {
    return this.#parts.backend.memoryBytes();
  }

  /** How much of the model is in use by answers and embeddings; scoring keeps its pages apart. */
  occupancy(): Occupancy {
    return this.#source.scheduler.occupancy();
  }

  /**
   * Answers a conversation, piece by piece.
   * @throws {ModelError} if the model has no chat template, or it fails
   * @throws {ContextFullError} if the conversation does not fit
   */
  async *chat(
    messages: readonly ChatMessage[],
    options: ChatOptions = {},
  ): AsyncGenerator<GenerationEvent> {
    const ids = this.chatIds(messages, options);
    // an answer that has begun has no thought to come
    yield* this.#events(ids, options.prefix ? { ...options, think: "off" } : options);
  }

  /**
   * A conversation that remembers: messages are sent one by one, and the tokens of answers stay as they were drawn.
   *
   * @example
   * ```ts
   * import { loadModel } from "@aha/runtime";
   * await using model = await loadModel("tests/fixtures/models/qwen2/gguf/model-Q8_0.gguf");
   * const session = model.session({ system: "Be brief.", maxTokens: 8, seed: 1 });
   * for await (const event of session.send("Hi")) if (event.type === "content") event.text;
   * console.log(session.messages.length); // 3
   * ```
   */
  session(options: SessionOptions = {}): ChatSession {
    return new ChatSession(this, options);
  }

  /**
   * Continues a prompt, piece by piece; `complete` gives the same at once.
   * @throws {ContextFullError} if the prompt does not fit
   */
  async *generate(
    prompt: string | readonly number[],
    options: GenerateOptions = {},
  ): AsyncGenerator<GenerationEvent> {
    yield* this.#events(this.#idsOf(prompt), options);
  }

  /**
   * Continues a prompt and gives the whole result at once. A text prompt gets the model's BOS token if it wants one;
   * ids are taken as they are.
   */
  async complete(
    prompt: string | readonly number[],
    options: CompleteOptions = {},
  ): Promise<Completion> {
    const promptIds = this.#idsOf(prompt);
    const { onText, onReasoning } = options;
    return await completionOf(promptIds, this.#events(promptIds, options), (event) => {
      if (event.type === "end" || event.text === "") return;
      (event.type === "reasoning" ? onReasoning : onText)?.(event.text);
    });
  }

  /**
   * Continues many prompts at once: they share each step, and what they have in common at their beginning is fed once.
   * A prompt gives the same tokens as alone; equal prompts are the choices 0, 1, ... of one request and differ.
   * If one fails, all end and its error is thrown.
   *
   * @example
   * ```ts
   * import { loadModel } from "@aha/runtime";
   * await using model = await loadModel("tests/fixtures/models/llama_untied/gguf/model-F32.gguf");
   * const answers = await model.generateBatch(["One and", "One and", "Two"], { maxTokens: 4, seed: 7 });
   * console.log(answers.length); // 3
   * ```
   */
  async generateBatch(
    prompts: readonly (string | readonly number[])[],
    options: BatchOptions = {},
  ): Promise<Completion[]> {
    const { onEvent } = options;
    const promptIds = prompts.map((prompt) => this.#idsOf(prompt));
    const choices = occurrences(promptIds);
    const seed = options.seed ?? Math.floor(Math.random() * Number.MAX_SAFE_INTEGER);
    const runs = promptIds.map((ids, index) => (signal: AbortSignal) => {
      const events = this.#events(ids, { ...options, seed, signal, choice: choices[index] });
      return completionOf(ids, events, (event) => onEvent?.(event, index));
    });
    return await allOrNone(runs, options.signal);
  }

  /**
   * Log-probabilities of a given sequence (natural logs of softmax of the raw logits).
   * @throws {UnsupportedError} if the routing of a model without experts is asked for
   */
  async score(ids: readonly number[], options: ScoreOptions = {}): Promise<Score> {
    this.#expectOpen();
    const signal = this.#untilClosed(options.signal);
    const { decoder } = this.#adapted(options);
    return await this.#reader.score(ids, { ...options, signal }, decoder);
  }

  /**
   * The embedding `[C]` of a prompt, of length 1: its states after the last norm, pooled as the model file says
   * (`pooling_type`: mean, first or last; else the mean). A text gets the tokens that the model wants around it. Keys and
   * values are stored as in generation, in the same cache. The same bits whatever else runs.
   * @throws {RangeError} if there are no tokens, or one is outside the vocabulary
   * @throws {ContextFullError} if they do not fit the context
   * @throws {UnsupportedError} if the model pools in another way
   *
   * @example
   * ```ts
   * import { loadModel } from "@aha/runtime";
   * await using model = await loadModel("tests/fixtures/models/llama_untied/gguf/model-F32.gguf");
   * const [sky, sea] = [await model.embed("The sky"), await model.embed("The sea")];
   * console.log(sky.reduce((sum, x, i) => sum + x * sea[i], 0)); // their cosine
   * ```
   */
  async embed(
    prompt: string | readonly number[],
    options: EmbedOptions = {},
  ): Promise<Float32Array> {
    const [vector] = await this.embedBatch([prompt], options);
    return vector;
  }

  /** The embeddings of many prompts; short ones share steps. If one fails, all end and its error is thrown. */
  async embedBatch(
    prompts: readonly (string | readonly number[])[],
    options: EmbedOptions = {},
  ): Promise<Float32Array[]> {
    this.#expectOpen();
    const { poolingType } = this.#parts.embedding;
    const ids = prompts.map((one) => typeof one === "string" ? this.embeddingIds(one) : one);
    const { decoder } = this.#adapted(options);
    const { signal } = options;
    return await embedAll(this.#source.scheduler, ids, { poolingType, decoder, signal });
  }

  /**
   * Writes the keys and values of a prompt's whole pages of 32 tokens to a file (Deno and Node) or a sink, feeding what
   * the cache does not hold yet. Where the file is restored, prompts that begin with these tokens continue from there,
   * with the same bits. All of it stands in memory meanwhile.
   * Both times the same adapters must be chosen.
   * @throws {TypeError} if the model is closed meanwhile, or an argument is of a wrong kind
   * @throws {RangeError} if the prompt is shorter than a page, or an id is outside the vocabulary
   * @throws {OutputError} if the file exists and `overwrite` is off, or it cannot be written
   *
   * @example
   * ```ts
   * import { loadModel } from "@aha/runtime";
   * await using model = await loadModel("tests/fixtures/models/llama_untied/gguf/model-F32.gguf");
   * const ids = Array.from({ length: 80 }, (_, i) => i);
   * const parts: Uint8Array<ArrayBuffer>[] = [];
   * await model.savePromptCache(ids, { write: (bytes) => void parts.push(new Uint8Array(bytes)) });
   * const { restoredTokens } = await model.restorePromptCache(new Blob(parts));
   * console.log(restoredTokens); // 64
   * ```
   */
  async savePromptCache(
    prompt: string | readonly number[],
    to: string | URL | ByteSink,
    options: SavePromptCacheOptions = {},
  ): Promise<SavedPromptCache> {
    this.#expectOpen();
    checkPrompt(prompt);
    const how = { ...options, signal: this.#untilClosed(options.signal), model: this.name };
    return await this.#promptCaches.save(this.#adapted(options), this.#idsOf(prompt), to, how);
  }

  /**
   * Reads what `savePromptCache` wrote into the cache, for requests to come: as much of its beginning as has room, where
   * what earlier requests left behind makes way. A file that is refused changes nothing.
   * @throws {SourceError} if it cannot be read
   * @throws {PromptCacheError} if it is damaged, or was made with another model, `kvType`, build of the core or processor
   */
  async restorePromptCache(
    from: string | URL | Blob,
    options: AdapterOptions & { readonly signal?: AbortSignal } = {},
  ): Promise<RestoredPromptCache> {
    this.#expectOpen();
    const signal = this.#untilClosed(options.signal);
    const expectOpen = () => this.#expectOpen();
    return await this.#promptCaches.restore(this.#adapted(options), from, expectOpen, signal);
  }

  /**
   * Counts from now on how often each expert of each layer is chosen, for whoever shows it; called again it gives the same
   * counter. Rows of drafts count, those of layers for multi-token prediction do not.
   * @throws {UnsupportedError} for a model without experts
   *
   * @example
   * ```ts
   * import { loadImbalance, loadModel } from "@aha/runtime";
   * await using model = await loadModel("tests/fixtures/models/qwen3_moe/gguf/model-Q8_0.gguf");
   * const load = model.countExperts();
   * await model.complete([1, 2, 3], { maxTokens: 4, temperature: 0 });
   * for (const [layer, counts] of await load.counts()) console.log(layer, loadImbalance(counts));
   * ```
   */
  countExperts(): ExpertLoad {
    this.#expectOpen();
    const { decoder, backend } = this.#parts;
    expectExperts(this.config);
    return decoder.watched.expertLoad ??= new ExpertLoad(backend.ops);
  }

  /**
   * The ids that `chat` feeds for a conversation; `think` is asked for in the model's own way.
   * @throws {ModelError} if the model has no chat template, or it fails
   */
  chatIds(messages: readonly ChatMessage[], options: ChatPromptOptions = {}): number[] {
    return chatPrompt(this.tokenizer, messages, options);
  }

  /** The text of what `chatIds` gives, control tokens written out. */
  chatText(messages: readonly ChatMessage[], options: ChatPromptOptions = {}): string {
    return this.tokenizer.decode(this.chatIds(messages, options));
  }

  /** The ids that `complete` feeds for a text. */
  promptIds(text: string): number[] {
    const { addBos, bosId } = this.tokenizer;
    const ids = this.tokenizer.encode(text);
    return addBos && bosId !== undefined ? [bosId, ...ids] : ids;
  }

  /** The ids that `embed` feeds for a text, which is cut to have `most` of them; none for an empty one. */
  embeddingIds(text: string, most = Infinity): number[] {
    const { eosId } = this.tokenizer;
    const ends = this.#parts.embedding.addEos && eosId !== undefined ? [eosId] : [];
    return text === "" ? [] : [...this.promptIds(text).slice(0, most - ends.length), ...ends];
  }

  /** Ends all requests and the helper threads. Closing twice does nothing. */
  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    const reason = new TypeError("The model is closed");
    this.#closing.abort(reason);
    this.#source.scheduler.end(reason);
    await this.#parts.backend.close();
  }

  /** `await using` closes the model at the end of the block. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #events(ids: readonly number[], options: GenerateOptions): AsyncGenerator<GenerationEvent> {
    this.#expectOpen();
    return answerEvents({ ...this.#source, ...this.#adapted(options) }, ids, options);
  }

  #adapted({ adapter }: AdapterOptions): AdaptedDecoder {
    const { adapters } = this.#parts;
    return { decoder: adapters.decoderOf(adapter), adapters: adapters.identityOf(adapter) };
  }

  #idsOf(prompt: string | readonly number[]): readonly number[] {
    return typeof prompt === "string" ? this.promptIds(prompt) : prompt;
  }

  /** A caller's signal, joined with the model's end. */
  #untilClosed(signal?: AbortSignal): AbortSignal {
    const closing = this.#closing.signal;
    return signal ? AbortSignal.any([signal, closing]) : closing;
  }

  #expectOpen(): void {
    this.#closing.signal.throwIfAborted();
  }
}
