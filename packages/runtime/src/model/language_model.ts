/** What every architecture offers the engine, and what it needs to be made. Holds no architecture. */
import type { Batch } from "../batch.ts";
import type { KvCache, KvShape, KvType } from "../kv_cache.ts";
import type { Ops, Routing } from "../ops.ts";
import type { Tensor, Weight } from "../tensor.ts";
import type { ModelConfig } from "./config.ts";

/** The tensors of a model file by name; sizes are checked, what is missing throws ModelError. */
export interface ParameterSource {
  has(name: string): boolean;
  /** `[rows, cols]`, rows are outputs. */
  matrix(name: string, rows: number, cols: number): Promise<Weight>;
  vector(name: string, size: number): Promise<Tensor>;
  /** A matrix `[rows, cols]` for each of `parts` experts or heads, stacked: `[parts * rows, cols]`, part 0 first. */
  bank(name: string, parts: number, rows: number, cols: number): Promise<Weight>;
  /** A tensor of `dims`, outermost first, dequantized and copied to the host, to be rearranged for `made`. */
  values(name: string, dims: readonly number[]): Promise<Float32Array>;
  /** A weight as `bank` gives it, of values that the file holds in another arrangement. */
  made(
    name: string,
    values: Float32Array,
    parts: number,
    rows: number,
    cols: number,
  ): Promise<Weight>;
}

/** Sees intermediates while a forward pass runs. */
export interface Trace {
  /** Named hidden states, for comparing two implementations layer by layer. */
  readonly hidden?: (name: string, tensor: Tensor) => void;
  /** Which experts the rows of a layer with a mixture go to; its tensors last until the layer ends. */
  readonly routing?: (layer: number, routing: Routing) => void;
  /** For tests: the experts that the rows must go to, `[rows * K]`, ascending in each row. */
  readonly forcedExperts?: (layer: number) => Int32Array | undefined;
}

/** One forward pass: what its layers need besides their input. */
export interface Pass {
  readonly ops: Ops;
  readonly batch: Batch;
  readonly cache: KvCache | null;
  readonly trace?: Trace;
}

/** A part of a block with its weights: x `[rows, C]`, normalized, -> `[rows, C]`, the residual not added. */
export type Layer = (pass: Pass, x: Tensor) => Tensor;

/** The layer that guesses the token after the next one (multi-token prediction, DeepSeek-V3 2412.19437, section 2.2). */
export interface MultiToken {
  /** Its head `[V, C]`, the model's own where they are shared. */
  readonly head: Weight;
  /** Time of one guess against that of a row of the whole model, estimated from their weights. */
  readonly cost: number;
  /**
   * States `[rows, C]` of tokens, as `LanguageModel.forward` or this gives them, and ids `[rows]` of the tokens after
   * these -> states `[rows, C]`, from which the head guesses the tokens after those. The keys stand in a layer of their
   * own, each at the place of the token whose state it is made of; rows have that token's position.
   */
  forward(pass: Pass, states: Tensor, ids: Int32Array): Tensor;
}

/** A loaded decoder-only transformer. */
export interface LanguageModel {
  readonly config: ModelConfig;
  /** The output head `[V, C]`; the embedding itself where they are tied. */
  readonly head: Weight;
  /** Missing where the model has no such layer. */
  readonly multiToken?: MultiToken;
  /** ids `[rows]` -> hidden states after the last norm `[rows, C]`. Writes keys and values into the cache. */
  forward(ops: Ops, ids: Int32Array, batch: Batch, cache: KvCache | null, trace?: Trace): Tensor;
  /** Sizes of a cache for this model. */
  kvShape(type: KvType): KvShape;
}

/** Makes a model out of its sizes and stored tensors; `ops` makes the constants it needs besides. */
export type LoadArchitecture = (
  config: ModelConfig,
  source: ParameterSource,
  ops: Ops,
) => Promise<LanguageModel>;
