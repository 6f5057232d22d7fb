/** The backward passes of `Ops` and what an optimizer needs: the second waist, which a tape calls. Types only. */
import type { Batch } from "../batch.ts";
import type { Attention, Backend, LatentAttention, Rope, Routing, RoutingRule } from "../ops.ts";
import type { ExpertBank, Tensor, Weight } from "../tensor.ts";

/**
 * Numbers that gradients of a parameter are added to, arranged as the parameter itself is; `shape` is the parameter's.
 * It lives until it is freed, whatever scopes close.
 */
export interface Gradient {
  readonly shape: readonly number[];
  readonly storage: unknown;
}

/** Sizes and rates of AdamW (Loshchilov & Hutter 1711.05101) as PyTorch applies them. */
export interface AdamW {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  /** Added outside of the root. */
  readonly epsilon: number;
  readonly weightDecay: number;
  /** Steps taken with this one, from 1. */
  readonly step: number;
  /** The gradient is multiplied by this first: what clipping its norm leaves. */
  readonly gradientScale: number;
}

/**
 * Which random numbers a dropout draws: element j of row i takes word j % 4 of Philox4x32-10 with the seed as its key and
 * the counter (floor(j / 4), rows[i], stream, 0). Rows are told by the caller, so that a batch in parts has the same mask.
 */
export interface DropoutKey {
  /** 64 bits in two halves. */
  readonly seed: readonly [low: number, high: number];
  /** Tells apart what is dropped with the same seed, such as the adapters of a model. */
  readonly stream: number;
  /** A number for each row. */
  readonly rows: Int32Array;
}

/** The gradients of an adapter. */
export interface AdapterGradients {
  readonly a?: Gradient;
  readonly b?: Gradient;
}

/** The gradients of an expert bank and of its adapters; missing ones are not wanted. */
export interface BankGradients {
  readonly gate?: Gradient;
  readonly up?: Gradient;
  readonly down?: Gradient;
  readonly adapters?: { readonly [part in "gate" | "up" | "down"]?: AdapterGradients };
}

/**
 * Backward passes. Each takes `d`, the gradient of the loss by an op's result, and gives those by its inputs as new tensors
 * in the innermost scope; gradients of parameters are added into `Gradient`s, one chain of adds in the order of rows, so
 * that a batch in parts gives the bits of a batch in one. Threads split outputs, never rows. All f32.
 * Inputs that an op needs again (x, gate, up, ...) are those of its forward pass; weights may be quantized (straight through).
 */
export interface GradOps {
  /** Zeroed numbers for a parameter: a weight in its packed arrangement, or a vector. */
  createGradient(of: Weight | Tensor): Gradient;
  zeroGradient(gradient: Gradient): void;
  freeGradient(gradient: Gradient): void;
  /** The values in the parameter's own order, row-major. */
  readGradient(gradient: Gradient): Promise<Float32Array>;
  /** Writes the values, in the parameter's own order: of moments that a checkpoint holds. */
  writeGradient(gradient: Gradient, values: Float32Array): void;
  /**
   * Adds one gradient to another of the same parameter. A weight that is used twice in a pass (a tied head) has a gradient
   * for each use, added at the end: so its chains do not depend on where a batch is cut.
   */
  addGradient(gradient: Gradient, into: Gradient): void;
  /** d `[rows, N]` -> d x `[rows, K]`. */
  linearInput(d: Tensor, weight: Weight): Tensor;
  /** Adds d^T x `[N, K]`; x `[rows, K]`. */
  linearWeight(d: Tensor, x: Tensor, into: Gradient): void;
  /** Adds the sums of the columns of d `[rows, N]`. */
  bias(d: Tensor, into: Gradient): void;
  headLinearInput(d: Tensor, weight: Weight, heads: number): Tensor;
  headLinearWeight(d: Tensor, x: Tensor, heads: number, into: Gradient): void;
  /** Adds row i of d `[rows, C]` to row `ids[i]`. */
  embed(d: Tensor, ids: Int32Array, into: Gradient): void;
  /** d x, and the gain's gradient where it is wanted. */
  rmsNorm(d: Tensor, x: Tensor, gain: Tensor, epsilon: number, into?: Gradient): Tensor;
  /** Rotates back. */
  rope(d: Tensor, batch: Batch, rope: Rope): Tensor;
  /** For `attend` without a cache: keys are the segment's own. */
  attend(
    d: Tensor,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    batch: Batch,
    shape: Attention,
  ): { readonly q: Tensor; readonly k: Tensor; readonly v: Tensor };
  latentAttend(
    d: Tensor,
    q: Tensor,
    latent: Tensor,
    batch: Batch,
    shape: LatentAttention,
  ): { readonly q: Tensor; readonly latent: Tensor };
  swiglu(d: Tensor, gate: Tensor, up: Tensor): { readonly gate: Tensor; readonly up: Tensor };
  /** Sums the heads of d `[rows, H * a]` -> `[rows, a]`: of a part that `joinHeads` repeats. */
  sumHeads(d: Tensor, heads: number): Tensor;
  /**
   * d of the weights `[rows, K]` that `route` gave -> d x; the gate's gradient where it is wanted. What is chosen has none.
   * `scores` is d of `routeScores` `[rows, E]`, where a loss has it.
   */
  route(
    d: Tensor,
    x: Tensor,
    gate: Weight,
    rule: RoutingRule,
    routing: Routing,
    into?: Gradient,
    scores?: Tensor,
  ): Tensor;
  /** What `route` ranks experts by, the bias apart, `[rows, E]`: softmax or sigmoids of x gate^T. For losses that balance load. */
  routeScores(x: Tensor, gate: Weight, scoring: RoutingRule["scoring"]): Tensor;
  /** d `[rows, C]` -> d x `[rows, C]` and d of the weights `[rows, K]`. */
  experts(
    d: Tensor,
    x: Tensor,
    routing: Routing,
    bank: ExpertBank,
    into: BankGradients,
  ): { readonly x: Tensor; readonly weights: Tensor };
  /** Row i of d goes to row `indices[i]` of `[rows, C]`, added where several do; the others are zero. */
  selectRows(d: Tensor, indices: ArrayLike<number>, rows: number): Tensor;
  /** d `[rows]` of `tokenLogprobs` -> d x `[rows, C]`, in chunks; the head's gradient where it is wanted. */
  tokenLogprobs(
    d: Tensor,
    x: Tensor,
    head: Weight,
    targets: Int32Array,
    temperature: number,
    into?: Gradient,
  ): Tensor;
  /** Entropies `[rows]` of softmax(x head^T / temperature), in chunks; they have no gradient. */
  entropies(x: Tensor, head: Weight, temperature: number): Tensor;
  /** factor * x. */
  scale(x: Tensor, factor: number): Tensor;
  /**
   * x with elements dropped where the word / 2^32 is below the rate, the others divided by 1 - rate (Srivastava et al.
   * 2014). Of d with the same key it is the backward pass.
   */
  dropout(x: Tensor, rate: number, key: DropoutKey): Tensor;
  /** Sum of the squares of all, in float64. */
  squaredNorm(gradient: Gradient): number;
  /**
   * One step of a parameter; the moments begin as zeros.
   * @throws {UnsupportedError} for a weight that is not F32
   */
  adamW(
    parameter: Weight | Tensor,
    gradient: Gradient,
    first: Gradient,
    second: Gradient,
    options: AdamW,
  ): void;
  /**
   * A new F32 weight of values `[rows, cols]`, row-major, or of as many matrices of equally many rows (a bank). Parameters
   * live as long as the backend.
   * @throws {ModelError} for a value that is not finite
   */
  createWeight(
    name: string,
    rows: number,
    cols: number,
    values: Float32Array,
    matrices?: number,
  ): Weight;
  /** A new f32 vector that lasts. */
  createVector(values: Float32Array): Tensor;
  /**
   * Writes the values of a parameter, row-major.
   * @throws {UnsupportedError} for a weight that is not F32
   * @throws {ModelError} for a value that is not finite
   */
  writeParameter(parameter: Weight | Tensor, values: Float32Array): void;
  /** The values of a parameter, row-major; a quantized weight's are dequantized. */
  readParameter(parameter: Weight | Tensor): Promise<Float32Array>;
}

/** A backend with backward passes. */
export interface TrainableBackend extends Backend {
  readonly grad: GradOps;
}
