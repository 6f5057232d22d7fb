/** The narrow waist: every operation a model, the sampler or the scorer may ask of a backend. Declares, computes nothing. */
import type { Batch } from "./batch.ts";
import type { KvCache, KvShape } from "./kv_cache.ts";
import type { ExpertBank, Tensor, Weight } from "./tensor.ts";

/** Rotary position embedding of one model (Su et al. 2104.09864). */
export interface Rope {
  readonly headSize: number;
  /** Elements of a head that rotate, from `rotaryStart` on; the rest pass through. */
  readonly rotarySize: number;
  /** Default 0. */
  readonly rotaryStart?: number;
  readonly base: number;
  /** `interleaved` rotates (x0, x1), (x2, x3), ...; `halves` rotates (x0, x[D/2]), ... */
  readonly pairing: "interleaved" | "halves";
  /** One divisor for each pair's frequency, `[rotarySize / 2]` (Llama 3's long-context scaling). */
  readonly frequencyFactors?: Tensor;
  /** Factor on cosine and sine (YaRN's attention factor, Peng et al. 2309.00071, where a model has it there). Default 1. */
  readonly magnitude?: number;
}

/** Sizes of grouped-query attention. */
export interface Attention {
  readonly layer: number;
  readonly heads: number;
  readonly kvHeads: number;
  /** Numbers of a head of q and k: D. */
  readonly keySize: number;
  /** Numbers of a head of v and of the result: Dv. */
  readonly valueSize: number;
  /** Factor on q k, usually `keySize ** -0.5`. */
  readonly scale: number;
}

/**
 * Sizes of absorbed multi-head latent attention (DeepSeek-V2, 2405.04434, 2.1): the heads share a key of a latent (R
 * numbers) and a rotary part (P numbers), and the latent is the value.
 */
export interface LatentAttention {
  readonly layer: number;
  readonly heads: number;
  /** R. */
  readonly rank: number;
  /** P. */
  readonly rotarySize: number;
  /** Factor on q k. */
  readonly scale: number;
}

/** How a mixture's gate chooses experts for a row, and how much each of them counts. */
export interface RoutingRule {
  /** For messages. */
  readonly layer: number;
  /** Experts K that a row goes to. */
  readonly used: number;
  /** What becomes of the gate's logits: softmax over all experts, or a sigmoid of each. */
  readonly scoring: "softmax" | "sigmoid";
  /** `[E]`, added to the scores for the choice alone (DeepSeek-V3 2412.19437, equation 16). */
  readonly bias?: Tensor;
  /** Equal runs of experts, of which a row may use some (device-limited routing, DeepSeek-V2 2405.04434, 2.2.2); 1 and 1: no limit. */
  readonly groups: number;
  readonly groupsUsed: number;
  /** What ranks groups: the best score in it (V2), or the sum of its two best (V3), the bias added. */
  readonly groupScore: "max" | "top2";
  /** Whether the weights of a row are divided by their sum (+ 1e-20). */
  readonly normalize: boolean;
  /** Factor on the weights, after that. */
  readonly scale: number;
  /** For tests: ids `[rows * K]`, ascending in each row, that are taken instead of the best. */
  readonly forced?: Int32Array;
}

/**
 * Which experts each row goes to. A row of which a score is not finite has no best ones: it goes to the first K with
 * weights that are NaN, which ends its own sequence and no other.
 */
export interface Routing {
  readonly rows: number;
  /** Experts K of a row. */
  readonly used: number;
  /** Experts E of the layer. */
  readonly expertCount: number;
  /** i32 `[rows, K]`, ascending in each row. */
  readonly experts: Tensor;
  /** f32 `[rows, K]`, in the same order. */
  readonly weights: Tensor;
}

/** How to draw one token from one row of logits. Defaults of the truncations leave the distribution whole. */
export interface Draw {
  /** 0 takes the best token; ties go to the lowest id. */
  readonly temperature: number;
  /** Keep the k most probable tokens; 0 keeps all. */
  readonly topK: number;
  /** Keep the smallest set of tokens with at least this probability; 1 keeps all. */
  readonly topP: number;
  /** Keep tokens with at least this fraction of the best one's probability; 0 keeps all. */
  readonly minP: number;
  /** Philox key, 64 bits in two halves. */
  readonly seed: readonly [low: number, high: number];
  /** Philox counter: which of a request's choices, and the position of the token that is drawn. */
  readonly choice: number;
  readonly position: number;
  /** This token is taken, whatever its probability. */
  readonly forced?: number;
  /**
   * Only these tokens are drawn: bit `id & 31` of word `id >> 5`, for all V; read when `sample` is called. Missing: any.
   */
  readonly allowed?: Uint32Array;
  /** Added to the logits of these tokens before all else; `-Infinity`: not drawn. */
  readonly bias?: ReadonlyMap<number, number>;
  /** Damps tokens that have come already, after the bias and before the temperature. */
  readonly penalties?: Penalties;
  /** How many of the most probable tokens to report, at most V. Default 0. */
  readonly alternatives?: number;
}

/** Penalties of one draw; the counts are read when `sample` is called, so they may go on counting afterwards. */
export interface Penalties {
  /** Divides positive logits of `recent` tokens and multiplies negative ones (Keskar et al. 1909.05858); 1 does nothing. */
  readonly repeat: number;
  /** Counts of the tokens in a window over prompt and answer. */
  readonly recent: ReadonlyMap<number, number>;
  /** `presence + count * frequency` is subtracted from the logits of `answered` tokens; 0 does nothing. */
  readonly presence: number;
  readonly frequency: number;
  /** Counts of the answer's tokens. */
  readonly answered: ReadonlyMap<number, number>;
}

/** How to draw a token from each of many rows in one manner. */
export interface RowDraws extends Pick<Draw, "temperature" | "topK" | "topP" | "minP" | "allowed"> {
  /** u32 `[rows, 4]`: of each row the Philox key, its low half first, choice and position, as in `Draw`. */
  readonly keys: Uint32Array;
  /** i32 `[rows]`: ids that are taken, whatever their probability; -1: drawn. Missing: all are drawn. */
  readonly forced?: Int32Array;
}

/** A token and its log-probability: log-softmax of the raw logits (natural log), before bias, penalties, temperature and truncation. */
export interface TokenLogprob {
  readonly id: number;
  readonly logprob: number;
}

/** Stands in `Drawn.ids` for a row whose largest logit, or that of its token, is not finite. */
export const NOT_FINITE = -1;
/** Stands in `Drawn.ids` for a row in which the bias excludes every token. */
export const NONE_LEFT = -2;

/** A drawn token of each row and its log-probability. A row without a token stops no other. */
export interface Drawn {
  /** Ids, `NOT_FINITE` or `NONE_LEFT`. */
  readonly ids: Int32Array;
  readonly logprobs: Float32Array;
  /** Of each row the most probable tokens, best first, the lower id first among equals; missing where no draw asks for any. */
  readonly alternatives?: readonly (readonly TokenLogprob[])[];
}

/**
 * A stretch of the arena: disposing it frees every tensor made since it was opened. Scopes nest, so none may stay open
 * across an `await`: what `read` and `sample` were asked for arrives after the scope has closed too.
 */
export interface Scope {
  [Symbol.dispose](): void;
}

/**
 * The functions over tensors. All are synchronous and may only enqueue work; `read`, `readInts`, `sample` and
 * `drawRows` are the places where a result comes back. Every op writes a new tensor into the innermost open scope and changes no other, but
 * for `attend` and `latentAttend`, which also write the cache. Results do not depend on the number of threads, on the
 * other rows of a batch, nor on how a sequence is cut into segments: same bits.
 */
export interface Ops {
  /** Opens an arena scope; close it by `using` or by calling its dispose method, innermost first. */
  scope(): Scope;
  /**
   * Runs a part of the model of which only the result is kept: inference frees what the part made, a tape may drop and
   * later repeat it (gradient checkpointing, Chen et al. 1604.06174).
   */
  checkpoint(run: () => Tensor): Tensor;
  /** Copies host values into a new f32 tensor of the shape. */
  tensor(values: Float32Array, shape: readonly number[]): Tensor;
  /** ids `[rows]`, table `[V, C]` -> `[rows, C]`. */
  embed(ids: Int32Array, table: Weight): Tensor;
  /** x `[rows, K]`, weight `[N, K]` -> `[rows, N]`, the weight's bias added where it has one. */
  linear(x: Tensor, weight: Weight): Tensor;
  /** `linear` with each of the weights `[N_i, K]`, side by side: less waiting where each is small. */
  linears<W extends readonly Weight[]>(x: Tensor, weights: W): { readonly [I in keyof W]: Tensor };
  /**
   * A product for each head: x `[rows, H * K]`, weight `[H * N, K]`, the rows of head 0 first -> `[rows, H * N]`, the
   * weight's bias added where it has one. Heads whose N is no multiple of 8 must have been loaded apart (a bank).
   */
  headLinear(x: Tensor, weight: Weight, heads: number): Tensor;
  /** Cuts each head of x `[rows, H * (a + b + ...)]` in parts: `[rows, H * a]`, `[rows, H * b]`, ... */
  splitHeads(x: Tensor, heads: number, sizes: readonly number[]): Tensor[];
  /**
   * The inverse: parts `[rows, H * a]`, `[rows, H * b]`, ... -> `[rows, H * (a + b + ...)]`. A part of one head, such as
   * `[rows, b]`, is repeated for all.
   */
  joinHeads(parts: readonly Tensor[], heads: number, sizes: readonly number[]): Tensor;
  /**
   * x / sqrt(mean(x^2) + epsilon) * gain of each run of D elements: x `[rows, C]`, gain `[D]` (Zhang & Sennrich 1910.07467).
   * D is C for whole rows; a divisor of C, such as the head size, norms each part of a row by itself.
   */
  rmsNorm(x: Tensor, gain: Tensor, epsilon: number): Tensor;
  /** Rotates each head of x `[rows, H * D]` by its row's position. */
  rope(x: Tensor, batch: Batch, rope: Rope): Tensor;
  /**
   * Causal attention: q `[rows, H * D]`, k `[rows, Hkv * D]`, v `[rows, Hkv * Dv]` -> `[rows, H * Dv]`. Writes k and v into
   * the cache first; with `cache` null the keys are the segment's own. Keys are reduced in ascending blocks of 32 counted
   * from the sequence's first token, one online softmax a query row (Milakov & Gimelshein 1805.02867).
   */
  attend(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    batch: Batch,
    cache: KvCache | null,
    shape: Attention,
  ): Tensor;
  /**
   * `attend` of heads that share a latent: q `[rows, H * (R + P)]`, latent `[rows, R + P]` -> `[rows, H * R]`. Writes the
   * latent into the cache first (its shape: one KV head, keys of R + P, values of 0); with `cache` null as `attend`.
   */
  latentAttend(
    q: Tensor,
    latent: Tensor,
    batch: Batch,
    cache: KvCache | null,
    shape: LatentAttention,
  ): Tensor;
  /** silu(gate) * up, element by element (Shazeer 2002.05202). */
  swiglu(gate: Tensor, up: Tensor): Tensor;
  /**
   * Scores x `[rows, C]` against the gate `[E, C]` and takes K experts for each row; among equals the lowest id. Where a
   * logit of a row is not finite, its weights are NaN.
   */
  route(x: Tensor, gate: Weight, rule: RoutingRule): Routing;
  /**
   * A mixture of SwiGLU experts (Shazeer et al. 1701.06538; DeepSeekMoE 2401.06066): for each row of x `[rows, C]` the sum
   * over its experts, ascending by id, of weight * down(silu(gate x) * up x) -> `[rows, C]`.
   */
  experts(x: Tensor, routing: Routing, bank: ExpertBank): Tensor;
  /** a + b, element by element. */
  add(a: Tensor, b: Tensor): Tensor;
  /** The listed rows of x `[rows, C]` -> `[indices.length, C]`. */
  selectRows(x: Tensor, indices: ArrayLike<number>): Tensor;
  /**
   * log-softmax(x head^T / temperature) at the targets: x `[rows, C]`, targets `[rows]` -> `[rows]`. Works in chunks of
   * rows; logits `[rows, V]` never exist whole.
   */
  tokenLogprobs(x: Tensor, head: Weight, targets: Int32Array, temperature: number): Tensor;
  /**
   * Draws one token from each row of logits `[rows, V]`; `draws[i]` belongs to row i. The logits stay as they are.
   * @throws {RangeError} when a draw names a token outside the vocabulary, or has a mask of another
   */
  sample(logits: Tensor, draws: readonly Draw[]): Promise<Drawn>;
  /**
   * Draws one token from each row of logits `[rows, V]`, by the same numbers as `sample`. The log-probabilities are other
   * ones: log-softmax(logits / temperature), of the bits that `tokenLogprobs` gives (temperature 1 where it is 0).
   * @throws {RangeError} as `sample`
   */
  drawRows(logits: Tensor, draws: RowDraws): Promise<Drawn>;
  /** The tensor's values, copied to the host. */
  read(tensor: Tensor): Promise<Float32Array>;
  /** `read` of an i32 tensor. */
  readInts(tensor: Tensor): Promise<Int32Array>;
}

/** Reads the bytes of one stored tensor: fills `into` from `offset` bytes after the tensor's start. */
export type ReadTensor = (offset: number, into: Uint8Array) => Promise<void>;

/** A matrix or vector in a model file. */
export interface StoredTensor {
  readonly name: string;
  /** GGUF's name of the format. */
  readonly type: string;
  /** Outputs N; 1 for a vector. */
  readonly rows: number;
  /** Inputs K, or the vector's length. */
  readonly cols: number;
  /** Matrices of equally many rows that stand one after the other in it (a bank of experts); missing for one matrix. */
  readonly experts?: number;
  readonly sizeBytes: number;
}

/** What runs a model: the ops, and the places where weights and keys live. */
export interface Backend {
  readonly name: string;
  /** Which build runs, for example `relaxed_threads`. */
  readonly variant: string;
  /** Backends with the same id compute the same bits: the build and a hash of its bytes, and whether this processor fuses multiply and add. */
  readonly numericsId: string;
  readonly threads: number;
  readonly ops: Ops;
  /** Streams a matrix into its packed place, or a bank of experts: each expert's bytes are then a run of their own. */
  loadWeight(stored: StoredTensor, read: ReadTensor): Promise<Weight>;
  /** Reads a matrix's values to the host `[rows * cols]`; keeps nothing. */
  dequantize(stored: StoredTensor, read: ReadTensor): Promise<Float32Array>;
  /** Loads a vector as f32 that lives as long as the backend. */
  loadVector(stored: StoredTensor, read: ReadTensor): Promise<Tensor>;
  /** A cache of at most `maxPages` pages. */
  createCache(shape: KvShape, maxPages?: number): KvCache;
  /** Bytes the backend has reserved. */
  memoryBytes(): number;
  close(): Promise<void>;
}
