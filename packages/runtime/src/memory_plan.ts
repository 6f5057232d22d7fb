/** How much memory a model will need, before anything is loaded. Allocates nothing. */
import { CHUNK_ROWS } from "./engine/decoder.ts";
import { MemoryError } from "./errors.ts";
import { type KvShape, type KvType, PAGE_TOKENS, pageBytes } from "./kv_cache.ts";
import type { ModelConfig } from "./model/config.ts";

/** Contexts beyond this are only used when asked for. */
export const DEFAULT_CONTEXT_TOKENS = 8192;
/** A cache in f32 below this size saves nothing worth rounding for. */
const SMALL_CACHE_BYTES = 32 << 20;
/** What the cache takes for several requests unless asked for more. Pages are taken when they are needed, never before. */
const SHARED_CACHE_BYTES = 2 ** 30;
/** The core's own data, staging buffers, allocator slack. */
const OVERHEAD_BYTES = 24 << 20;
/** Intermediates of experts that the core holds at once, where one expert's rows do not take more (core-rs, ops/experts.rs). */
const EXPERT_WAVE_BYTES = 4 << 20;
/** States that a step makes of a row besides one for each layer: the embedding's, the last one, those that are drawn after. */
const OTHER_STATES = 3;
/** What a layer that guesses a further token takes and gives: states, embeddings, norms of both, these joined and projected. */
const GUESSING_STATES = 9;
/** What wasm32 can address. */
const WASM32_BYTES = 2 ** 32;

/** Bytes a model needs, by what for. */
export interface MemoryPlan {
  readonly contextTokens: number;
  /** Tokens that the cache holds, of all sequences together. */
  readonly cacheTokens: number;
  readonly kvType: KvType;
  readonly weightBytes: number;
  /** Of low-rank adapters. */
  readonly adapterBytes: number;
  readonly kvBytes: number;
  readonly activationBytes: number;
  readonly overheadBytes: number;
  readonly totalBytes: number;
}

/** What decides about a plan. */
export interface PlanOptions {
  readonly contextTokens?: number;
  readonly cacheTokens?: number;
  /** Requests that shall run at once. */
  readonly sequences?: number;
  readonly kvType?: KvType | "auto";
  /** Most bytes that may be used. */
  readonly memoryBytes?: number;
  readonly adapters?: AdapterNeeds;
}

/** What low-rank adapters take. */
export interface AdapterNeeds {
  readonly weightBytes: number;
  /** Numbers that they make of a row in the layer that has the most of them. */
  readonly rowNumbers: number;
}

const NO_ADAPTERS: AdapterNeeds = { weightBytes: 0, rowNumbers: 0 };

/**
 * Plans the memory of a model whose tensors have `weightBytes`.
 * @throws {MemoryError} when it exceeds the budget or what wasm can address.
 */
export function planMemory(
  config: ModelConfig,
  kvShapeOf: (type: KvType) => KvShape,
  weightBytes: number,
  options: PlanOptions = {},
): MemoryPlan {
  const contextTokens = contextOf(config, options.contextTokens);
  const wanted = cacheOf(contextTokens, options);
  const cacheBytes = (type: KvType, tokens: number) =>
    Math.ceil(tokens / PAGE_TOKENS) * pageBytes(kvShapeOf(type));
  const asked = options.kvType ?? "auto";
  const kvType = asked === "auto"
    ? (cacheBytes("f32", wanted) <= SMALL_CACHE_BYTES ? "f32" : "f16")
    : asked;
  const { weightBytes: adapterBytes, rowNumbers } = options.adapters ?? NO_ADAPTERS;
  const activationBytes = activationsOf(config, rowNumbers);
  const otherBytes = weightBytes + adapterBytes + activationBytes + OVERHEAD_BYTES;
  const limit = Math.min(options.memoryBytes ?? WASM32_BYTES, WASM32_BYTES);
  const room = Math.min(SHARED_CACHE_BYTES, limit - otherBytes);
  const fitting = Math.floor(room / pageBytes(kvShapeOf(kvType))) * PAGE_TOKENS;
  const cacheTokens = options.cacheTokens ?? Math.max(contextTokens, Math.min(wanted, fitting));
  const kvBytes = cacheBytes(kvType, cacheTokens);
  const totalBytes = otherBytes + kvBytes;
  if (totalBytes > limit) {
    throw new MemoryError(
      `The model needs ${mebibytes(totalBytes)} (weights ${mebibytes(weightBytes)}, ` +
        (adapterBytes > 0 ? `adapters ${mebibytes(adapterBytes)}, ` : "") +
        `cache of ${cacheTokens} tokens ${mebibytes(kvBytes)}), ${mebibytes(limit)} are allowed: ` +
        `take a smaller context or model`,
      totalBytes,
      limit,
    );
  }
  const sizes = {
    weightBytes,
    adapterBytes,
    kvBytes,
    activationBytes,
    overheadBytes: OVERHEAD_BYTES,
  };
  return { contextTokens, cacheTokens, kvType, ...sizes, totalBytes };
}

function contextOf(config: ModelConfig, asked?: number): number {
  if (asked === undefined) return Math.min(config.contextTokens, DEFAULT_CONTEXT_TOKENS);
  if (Number.isInteger(asked) && asked >= 1 && asked <= config.contextTokens) return asked;
  throw new RangeError(
    `A context of ${asked} tokens is not possible: the model was trained for 1 to ${config.contextTokens}`,
  );
}

/** What is asked for, or a context for each request. Less than one would leave a long request waiting for room that never comes. */
function cacheOf(contextTokens: number, { cacheTokens, sequences = 1 }: PlanOptions): number {
  if (!(Number.isInteger(sequences) && sequences >= 1)) {
    throw new RangeError(`sequences is ${sequences}, it must be a whole number of at least 1`);
  }
  const asked = cacheTokens ?? contextTokens * sequences;
  if (Number.isInteger(asked) && asked >= contextTokens) return asked;
  throw new RangeError(
    `cacheTokens is ${asked}, it must be a whole number of at least the context's ${contextTokens} tokens`,
  );
}

/**
 * The widest layer's activations for a prefill chunk (f32 and their int8 copies), the states that layers leave behind until
 * the step ends, the room of experts, and chunks of logits.
 */
function activationsOf(config: ModelConfig, adapterNumbers: number): number {
  const { width, vocabulary, layers, nextLayers = 0 } = config;
  const ofLayer = 4 * 1.3 * (8 * width + attentionNumbers(config) + feedForwardNumbers(config));
  const states = layers + OTHER_STATES + nextLayers * GUESSING_STATES;
  const perRow = ofLayer + 4 * adapterNumbers + 4 * width * states;
  return Math.ceil(CHUNK_ROWS * perRow) + expertRoom(config) + Math.max(16 << 20, 8 * vocabulary);
}

/** One expert may get all rows. */
function expertRoom({ width, mixture }: ModelConfig): number {
  if (!mixture) return 0;
  // Of a row and one of its experts: the input in f32 and in int8 (2 bytes a number, with scales), gate and up, their
  // product in int8, the result.
  const place = (4 + 2 + 4) * width + (4 + 4 + 2) * mixture.hidden;
  return Math.max(EXPERT_WAVE_BYTES, CHUNK_ROWS * place);
}

/** Numbers that attention makes of a row, besides rows of the model's width. */
function attentionNumbers({ heads, kvHeads, headSize, latent }: ModelConfig): number {
  if (!latent) return 3 * heads * headSize + 4 * kvHeads * headSize;
  const { form, queryRank, rank, rotarySize, valueSize } = latent;
  const compressed = 2 * queryRank + 4 * (rank + rotarySize);
  // Queries raw, rotated and cut; then what is absorbed, joined and attended, or the keys and values of each head.
  const made = form === "absorbed" ? 3 * rank + rotarySize : 2 * headSize + 2 * valueSize;
  return compressed + heads * (3 * headSize + made + valueSize);
}

/** Numbers that the feed-forward part makes of a row. */
function feedForwardNumbers({ hidden, mixture }: ModelConfig): number {
  if (!mixture) return 4 * hidden;
  const { experts, used, shared } = mixture;
  const dense = mixture.denseLayers > 0 ? 4 * hidden : 0;
  // Scores, the chosen ones and their shares; the shared experts are one dense part.
  return Math.max(dense, experts + 2 * used + 4 * shared * mixture.hidden);
}

function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)} MiB`;
}
