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
  /** Matrices `[rows, cols]` of `experts` experts, stacked: `[experts * rows, cols]`, for an `ExpertBank`. */
  bank(name: string, experts: number, rows: number, cols: number): Promise<Weight>;
}

/** Sees named intermediates while a forward pass runs, for comparing two implementations layer by layer. */
export interface Trace {
  (name: string, tensor: Tensor): void;
  /** Sees which experts the rows of a layer with a mixture go to; its tensors last until the layer ends. */
  readonly routing?: (layer: number, routing: Routing) => void;
}

/** A loaded decoder-only transformer. */
export interface LanguageModel {
  readonly config: ModelConfig;
  /** The output head `[V, C]`; the embedding itself where they are tied. */
  readonly head: Weight;
  /** ids `[rows]` -> hidden states after the last norm `[rows, C]`. Writes keys and values into the cache. */
  forward(ops: Ops, ids: Int32Array, batch: Batch, cache: KvCache | null, trace?: Trace): Tensor;
  /** Sizes of a cache for this model. */
  kvShape(type: KvType): KvShape;
}

/** Makes a model out of its sizes and stored tensors. */
export type LoadArchitecture = (
  config: ModelConfig,
  source: ParameterSource,
  ops: Ops,
) => Promise<LanguageModel>;
