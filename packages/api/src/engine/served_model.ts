/** A model as the API sees it, in this thread or in a worker: data in, events out. Types only. */
import type {
  AdapterOptions,
  ChatMessage,
  FinishReason,
  GenerateOptions,
  ModelDescription,
  Timings,
  Usage,
} from "@aha/runtime";
import type { ConstraintSpec } from "../structured/constraint_spec.ts";

/** What is known of a loaded model: what its file says, and what loading it has come to. */
export interface ModelFacts extends ModelDescription {
  readonly backend: { readonly name: string; readonly variant: string; readonly threads: number };
  readonly loadMs: number;
  readonly memoryBytes: number;
}

/** What to continue. */
export type Prompt =
  | { readonly kind: "ids"; readonly ids: readonly number[] }
  | { readonly kind: "text"; readonly text: string }
  | ({ readonly kind: "chat" } & ChatPrompt);

/** A conversation for the model's template. */
export interface ChatPrompt {
  readonly messages: readonly ChatMessage[];
  /** Functions in OpenAI's form (`{ type: "function", function: { name, description, parameters } }`), for the template. */
  readonly tools?: readonly unknown[];
  readonly think?: "on" | "off" | number;
  /** More variables of the template. */
  readonly variables?: Readonly<Record<string, unknown>>;
  /** Text that the answer begins with; it is part of the prompt and not told again (DeepSeek's prefix completion). */
  readonly prefix?: string;
}

/** Options that can be sent to a worker. */
export type ServedOptions = Omit<GenerateOptions, "signal" | "onPromptProgress" | "constraint">;

/** One answer to be made. */
export interface GenerationRequest {
  readonly prompt: Prompt;
  readonly options: ServedOptions;
  /** What the text after the thought must be. */
  readonly constraint?: ConstraintSpec;
}

/** A drawn token as wire formats tell it. */
export interface ServedToken {
  readonly id: number;
  /** UTF-8, maybe a part of a character. */
  readonly bytes: Uint8Array;
  /** Natural log of softmax of the raw logits. */
  readonly logprob: number;
}

/** A piece of an answer. */
export interface ServedText {
  readonly type: "reasoning" | "content";
  readonly text: string;
  readonly tokens: readonly PieceToken[];
}

/** A token that a piece came from. */
export interface PieceToken extends ServedToken {
  /** Where `topLogprobs` is over 0. */
  readonly top?: readonly ServedToken[];
  /** Where its text begins in the piece's; missing: at its beginning. */
  readonly at?: number;
}

/** The end of an answer. */
export interface ServedEnd {
  readonly type: "end";
  readonly finishReason: FinishReason;
  readonly usage: Usage;
  readonly timings: Timings;
}

/** What `generate` yields; the last one is the end. */
export type ServedEvent = ServedText | ServedEnd;

/** Occupancy of a model's scheduler. */
export interface ModelLoad {
  /** Answers in the making. */
  readonly running: number;
  /** Pages of keys and values: held by running answers, kept for prompts that begin alike, and all. */
  readonly usedPages: number;
  readonly keptPages: number;
  readonly maxPages: number;
}

/** Options of `embed`. */
export interface EmbedOptions extends AdapterOptions {
  /** Cuts what is longer than the context, which is refused otherwise. */
  readonly truncates?: boolean;
  readonly signal?: AbortSignal;
}

/** Options of `tokenize`. */
export interface TokenizeOptions {
  /** Whether the text of control tokens stands for them. */
  readonly special?: boolean;
  /** Whether BOS comes first, where the model wants one. */
  readonly addBos?: boolean;
}

/** A loaded model. All may reject with the runtime's errors (`packages/runtime/src/errors.ts`), also across threads. */
export interface ServedModel {
  /** As requests name it. */
  readonly name: string;
  readonly facts: ModelFacts;
  /** Leaving the loop early, or aborting, frees the slot at the next token. */
  generate(request: GenerationRequest, signal?: AbortSignal): AsyncIterable<ServedEvent>;
  /** `[C]` each, of length 1; tokens counted. A text gets the tokens that the model wants around it. */
  embed(
    inputs: readonly (string | readonly number[])[],
    options?: EmbedOptions,
  ): Promise<{ readonly vectors: readonly Float32Array[]; readonly promptTokens: number }>;
  tokenize(text: string, options?: TokenizeOptions): Promise<readonly number[]>;
  /** The bytes of each id. */
  tokenBytes(ids: readonly number[]): Promise<readonly Uint8Array[]>;
  detokenize(ids: readonly number[]): Promise<string>;
  /** The prompt's text, control tokens written out. */
  applyTemplate(prompt: ChatPrompt): Promise<string>;
  load(): Promise<ModelLoad>;
  close(): Promise<void>;
}
