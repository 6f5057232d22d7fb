/** Options, results and events of generation: the types that callers of the library see. No behaviour. */

import type { KvType } from "./kv_cache.ts";
import type { TokenLogprob } from "./ops.ts";

export type { TokenLogprob };

/**
 * Rules which tokens may come next in an answer; one for each answer, used once. Thoughts are free of it: it begins with
 * the content. What it throws ends its own answer and no other.
 */
export interface TokenConstraint {
  /**
   * Bit `id & 31` of word `id >> 5` is set where the token may come next, tokens beyond the words may not; undefined: any
   * may. Read before the next call.
   * End tokens are no matter: see `mayEnd`.
   */
  allowed(): Uint32Array | undefined;
  /** This token has come, drawn or forced. */
  accept(id: number): void;
  /** Whether the content may end here. */
  readonly mayEnd: boolean;
  /** Whether nothing but the end may come. */
  readonly isComplete: boolean;
  /**
   * Ids that complete the content in few tokens: from here, or from behind the token `after`, which may come next and is
   * not accepted by this. Asked for twice a token once no more than 1024 may come.
   */
  closing(after?: number): readonly number[];
}

/**
 * Which of a model's low-rank adapters change it: the one of a name alone, `null` for none, or several at once.
 */
export type AdapterChoice = string | null | readonly AdapterShare[];

/** An adapter among several. */
export interface AdapterShare {
  /** Its name, or its place among the model's adapters, from 0. */
  readonly name: string | number;
  /** Factor on what it adds. Default: the one that it was loaded with. */
  readonly scale?: number;
}

/** A low-rank adapter that a model was loaded with. */
export interface AdapterFacts {
  /** What requests choose it by. */
  readonly name: string;
  /** Whether it applies to requests that choose none. */
  readonly isDefault: boolean;
  /** Where it was read from. */
  readonly source: string;
  /** Factor on what it adds, besides its own alpha / r. */
  readonly scale: number;
  /** The largest rank of its matrices. */
  readonly rank: number;
  /** Matrices that it changes; a layer's bank of experts has one to three. */
  readonly matrices: number;
  /** In memory. */
  readonly sizeBytes: number;
}

/** What any request to a model may choose. */
export interface AdapterOptions {
  /** Default: the adapters that apply unasked, as those do that were loaded without a name. */
  readonly adapter?: AdapterChoice;
}

/** How to sample and when to stop. */
export interface GenerateOptions extends AdapterOptions {
  /** Most tokens to generate; default: until the context is full. */
  readonly maxTokens?: number;
  /** 0 is greedy. Default: the model's own recommendation, else 0.6 (R1's). */
  readonly temperature?: number;
  /** Keep the smallest set of tokens with this much probability. Default: the model's own, else 0.95 (R1's). */
  readonly topP?: number;
  /** Keep the k most probable tokens; 0 keeps all. */
  readonly topK?: number;
  /** Keep tokens with at least this fraction of the best one's probability. */
  readonly minP?: number;
  /**
   * Damps tokens among the last `repeatLastTokens`: positive logits are divided by it, negative ones multiplied. 0.01 to
   * 100; below 1 it favours them. Default 1: none.
   */
  readonly repeatPenalty?: number;
  /** How far back over prompt and answer `repeatPenalty` looks; `Infinity`: to the start. Default 64. */
  readonly repeatLastTokens?: number;
  /** Subtracted from the logit of each token that the answer (not the prompt) has already. -2 to 2, default 0. */
  readonly presencePenalty?: number;
  /** Subtracted as often as the answer has the token already. -2 to 2, default 0. */
  readonly frequencyPenalty?: number;
  /**
   * Added to the logits of these token ids before penalties and temperature, -100 to 100: as OpenAI's, so -100 all but
   * bans a token and 100 all but forces it. `-Infinity` bans it outright.
   */
  readonly logitBias?: Readonly<Record<number, number>>;
  /** How many of the most probable tokens each event reports with their log-probabilities, 0 to 20. Default 0. */
  readonly topLogprobs?: number;
  /** Same seed, same tokens. Default: drawn at random. */
  readonly seed?: number;
  /** Which of several answers to one request: under one seed, each choice draws differently. Default 0. */
  readonly choice?: number;
  /** No end-of-turn token is drawn before so many tokens. Default 0. */
  readonly minTokens?: number;
  /** The answer ends before the first of these texts, wherever tokens cut them; thoughts are not searched. */
  readonly stop?: readonly string[];
  /**
   * Most tokens of a thought, after which its end tag is forced; `on` and `off` ask a chat template to think or not.
   * Default: as the model does.
   */
  readonly think?: "on" | "off" | number;
  /**
   * What the content must be. The answer ends with `stop` as soon as the content is complete, or by an end token where it
   * may end. Where `maxTokens` or the context cuts it, the tokens of its `closing` come last, so that it is whole, and it
   * ends with `length`; it is cut short only where it takes more tokens than there are. A thought is free, but no end
   * token ends it, and its end tag is forced in time. `minTokens` holds back the end tokens, not the end of a complete content; with
   * `ignoreEnd` no end token is drawn at all; a `stop` text cuts the content wherever it stands; where the context slides,
   * only `maxTokens` is a limit. Guesses (`speculation`) are off.
   */
  readonly constraint?: TokenConstraint;
  /** Go on after end-of-turn tokens, which then count as any other. */
  readonly ignoreEnd?: boolean;
  /**
   * What happens when prompt and answer fill the context: `stop` (default) ends with `length`; `slide` goes on with the
   * first `keepTokens` tokens and the newest half of the rest, fed again as a prompt is.
   */
  readonly onFullContext?: "stop" | "slide";
  /** First tokens that stay when the context slides. Default 4 (attention sinks, 2309.17453). */
  readonly keepTokens?: number;
  /** Whether the prompt may begin with tokens that are in the cache, and later ones with this one's. Default true. */
  readonly reusePrefix?: boolean;
  /**
   * What guesses tokens ahead, to be checked several at once where that pays: what followed the same words before, in
   * prompt or answer (`lookup`, prompt lookup decoding), or the model's own layer for multi-token prediction (`mtp`,
   * DeepSeek-V3 and R1). `auto` (default) takes that layer where the model has one and as long as it pays. Tokens and
   * log-probabilities are the same either way.
   */
  readonly speculation?: "auto" | "lookup" | "mtp" | "off";
  /** Called while the prompt is fed, and where tokens are fed again (a context slides): tokens that the cache holds, and all. */
  readonly onPromptProgress?: (doneTokens: number, totalTokens: number) => void;
  readonly signal?: AbortSignal;
}

/** What the prompt of a conversation is made with, besides its messages. */
export interface ChatPromptOptions {
  /** Whether to think; a number is as `on` here. Default: as the template does. */
  readonly think?: GenerateOptions["think"];
  /** Functions that the model may call, as its template takes them: as a rule in OpenAI's form. */
  readonly tools?: readonly unknown[];
  /** More variables of the template. */
  readonly variables?: Readonly<Record<string, unknown>>;
  /**
   * Text that the answer begins with; it is fed, and not told again. A thought that the template opens is closed before it,
   * so there is none in the answer.
   */
  readonly prefix?: string;
}

/** Options of `chat`. */
export interface ChatOptions extends GenerateOptions, ChatPromptOptions {}

/** Options of `complete`. */
export interface CompleteOptions extends GenerateOptions {
  /** Called with each piece of the answer's text as it appears. */
  readonly onText?: (text: string) => void;
  /** Called with each piece of the thought as it appears. */
  readonly onReasoning?: (text: string) => void;
}

/** Options of `generateBatch`. */
export interface BatchOptions extends Omit<GenerateOptions, "choice" | "constraint"> {
  /** Called with each event of each answer as it comes; `index` is the prompt's. */
  readonly onEvent?: (event: GenerationEvent, index: number) => void;
}

/** Options of `embed`. */
export type EmbedOptions = Pick<ScoreOptions, "signal" | "adapter">;

/** Options of `score`. */
export interface ScoreOptions extends AdapterOptions {
  readonly signal?: AbortSignal;
  /** Storage of keys and values. Default f32. */
  readonly kvType?: KvType;
  /** Called with rows of raw logits `[rows, V]` in order. */
  readonly onLogits?: (logits: Float32Array) => void;
  /** Whether to tell the experts that each token goes to. */
  readonly routing?: boolean;
}

/** Why generation ended: an end-of-turn token or a stop string, or a limit (`maxTokens` or the context). */
export type FinishReason = "stop" | "length";

/** Tokens counted. */
export interface Usage {
  readonly promptTokens: number;
  /** Of these, tokens that were in the cache already. */
  readonly cachedPromptTokens: number;
  readonly completionTokens: number;
  /** Of these, tokens of the thought, its tags included. */
  readonly reasoningTokens: number;
}

/** How long things took. */
export interface Timings {
  readonly promptTokens: number;
  readonly promptTokensPerSecond: number;
  readonly timeToFirstTokenMs: number;
  readonly generatedTokens: number;
  readonly tokensPerSecond: number;
  /** Guessed tokens that were checked (`speculation`); 0 where it is off. */
  readonly draftedTokens: number;
  /** Of these, those that were right, each of which saved a step. */
  readonly acceptedTokens: number;
}

/** A piece of the answer. Text arrives as soon as its characters are whole. */
export interface TextEvent {
  readonly type: "reasoning" | "content";
  readonly text: string;
  readonly ids: readonly number[];
  /** Of each id: log-softmax of the raw logits (natural log). */
  readonly logprobs: readonly number[];
  /** Of each id the `topLogprobs` most probable tokens at its place, best first; missing where none are asked for. */
  readonly alternatives?: readonly (readonly TokenLogprob[])[];
}

/** The last event of a generation. */
export interface EndEvent {
  readonly type: "end";
  readonly finishReason: FinishReason;
  readonly usage: Usage;
  readonly timings: Timings;
}

/** What `chat` yields. */
export type GenerationEvent = TextEvent | EndEvent;

/** What `complete` gives. */
export interface Completion {
  readonly promptIds: readonly number[];
  /** Generated ids, without the end-of-turn token. */
  readonly ids: readonly number[];
  readonly logprobs: readonly number[];
  /** Of each id the `topLogprobs` most probable tokens at its place, best first; missing where none are asked for. */
  readonly alternatives?: readonly (readonly TokenLogprob[])[];
  /** The answer, without the thought, its tags and the stop string. */
  readonly text: string;
  /** The thought, "" where there is none. */
  readonly reasoning: string;
  readonly finishReason: FinishReason;
  readonly usage: Usage;
  readonly timings: Timings;
}

/** Log-probabilities of a given sequence. */
export interface Score {
  readonly ids: readonly number[];
  /** `T - 1` natural logs: of each token after the first, given those before it. */
  readonly logprobs: readonly number[];
  /** Mean of `-logprobs`; 0 for fewer than two tokens. */
  readonly meanNll: number;
  /** Where asked for: of each layer with a mixture of experts, by its number, one entry a token. */
  readonly routing?: Readonly<Record<string, readonly TokenRouting[]>>;
}

/** The experts that a token goes to in one layer, ascending, and their weights in the same order. */
export interface TokenRouting {
  readonly experts: readonly number[];
  readonly weights: readonly number[];
}

/** How much of a model is in use. */
export interface Occupancy {
  /** Answers in the making, and prompts that are embedded. */
  readonly running: number;
  /** Of these, those that hold no pages: not begun, or set back until there is room. */
  readonly waiting: number;
  /** Pages of keys and values in use, the kept ones included: where nothing runs, both are the same. */
  readonly usedPages: number;
  /** Pages that hold ended answers for prompts which begin alike; given up where room is needed. */
  readonly keptPages: number;
  readonly maxPages: number;
}

/** Progress of loading: first the download of a model that is not here yet, then its weights. */
export interface LoadProgress {
  readonly phase: "download" | "unpack" | "load";
  readonly doneBytes: number;
  /** Missing where nobody knows. */
  readonly totalBytes?: number;
}
