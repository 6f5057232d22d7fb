/** The embedding of given tokens: their states after the last norm, pooled to one vector. Draws nothing and runs no head. */
import { ModelError, UnsupportedError } from "../../errors.ts";
import type { KvCache } from "../../kv_cache.ts";
import type { KeyValues } from "../../model/config/key_values.ts";
import type { Trace } from "../../model/language_model.ts";
import type { Decoder } from "../decoder.ts";
import { GateWatch } from "../routing_record.ts";
import type { StepSize } from "../step_size.ts";
import { type Chunk, readInChunks } from "./read_in_chunks.ts";
import { gateNotFinite } from "./score.ts";

/** How a model is meant to embed texts. */
export interface EmbeddingForm {
  /** GGUF's number of the pooling. */
  readonly poolingType: number;
  /** Whether a text gets the end-of-text token at its end. */
  readonly addEos: boolean;
}

/** GGUF's numbers; 0 leaves the choice to the caller, and the mean is what most models want. */
const POOLINGS: Readonly<Record<number, Pooling>> = { 0: "mean", 1: "mean", 2: "first", 3: "last" };
type Pooling = "mean" | "first" | "last";
/** Where the file says nothing. */
const MEAN = 1;

/** What the metadata of a model say of its embeddings. */
export function readEmbeddingForm(architecture: string, values: KeyValues): EmbeddingForm {
  return {
    poolingType: values.optionalCount(`${architecture}.pooling_type`) ?? MEAN,
    addEos: values.optionalBoolean("tokenizer.ggml.add_eos_token") ?? false,
  };
}

/**
 * The pooled states `[C]`, scaled to length 1. The mean is a sum in float64 in the order of tokens, so it does not depend
 * on chunks. The cache's pages are given back in any case.
 * @throws {RangeError} when there are no tokens, or one is outside the vocabulary
 * @throws {ContextFullError} when they do not fit the context
 * @throws {ModelError} when the model computes a number that is not finite
 * @throws {UnsupportedError} when the model pools in another way
 */
export async function embedTokens(
  decoder: Decoder,
  cache: KvCache,
  ids: ArrayLike<number>,
  stepSize: StepSize,
  { poolingType, signal }: { readonly poolingType: number; readonly signal?: AbortSignal },
): Promise<Float32Array> {
  const pooling = POOLINGS[poolingType];
  if (!pooling) {
    const what = `pooling_type=${poolingType}`;
    throw new UnsupportedError(`The model's embeddings have a pooling without code: ${what}`, what);
  }
  if (ids.length === 0) {
    throw new RangeError("Cannot embed an empty prompt: give at least one token");
  }
  const sum = new Float64Array(decoder.model.config.width);
  const feed = async (chunk: Chunk): Promise<void> => {
    const rows = pooledRows(pooling, chunk, ids.length);
    const gates = new GateWatch(decoder.ops);
    addRows(sum, await statesOf(decoder, cache, chunk, rows, gates.trace));
    if (sum.every(Number.isFinite)) return;
    const { start } = chunk;
    const unrouted = await gates.firstUnrouted(0, chunk.ids.length);
    throw unrouted
      ? gateNotFinite(unrouted.layer, start + unrouted.row)
      : new ModelError(`The model computed a state that is not finite from position ${start} on`);
  };
  await readInChunks(decoder, cache, ids, stepSize, feed, signal);
  return ofLengthOne(sum);
}

/** Rows of a chunk that count. */
function pooledRows(pooling: Pooling, { ids, start }: Chunk, total: number): number[] {
  switch (pooling) {
    case "mean":
      return Array.from(ids.keys());
    case "first":
      return start === 0 ? [0] : [];
    case "last":
      return start + ids.length === total ? [ids.length - 1] : [];
  }
}

/** States `[rows, C]` of some rows of a chunk. Closes its scope before anything is awaited, as a step of the decoder does. */
function statesOf(
  decoder: Decoder,
  cache: KvCache,
  { sequence, ids }: Chunk,
  rows: readonly number[],
  trace: Trace,
): Promise<Float32Array> {
  const { ops } = decoder;
  using _step = ops.scope();
  const hidden = decoder.forward(cache, [{ sequence, ids }], trace);
  return rows.length > 0
    ? ops.read(ops.selectRows(hidden, rows))
    : Promise.resolve(new Float32Array());
}

function addRows(sum: Float64Array, rows: Float32Array): void {
  for (let start = 0; start < rows.length; start += sum.length) {
    for (let i = 0; i < sum.length; i++) sum[i] += rows[start + i];
  }
}

/** Zeros stay zeros. */
function ofLengthOne(vector: Float64Array): Float32Array {
  const length = Math.sqrt(vector.reduce((sum, x) => sum + x * x, 0));
  return Float32Array.from(vector, (x) => length > 0 ? x / length : 0);
}
