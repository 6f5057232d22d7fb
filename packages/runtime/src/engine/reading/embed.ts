/** The embeddings of given tokens: their states after the last norm, pooled to one vector. Draws nothing and runs no head. */
import { UnsupportedError } from "../../errors.ts";
import type { KeyValues } from "../../model/config/key_values.ts";
import { allOrNone } from "../completion.ts";
import { CHUNK_ROWS, type Decoder } from "../decoder.ts";
import type { Scheduler } from "../scheduler.ts";

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

/** How to embed. */
export interface EmbedSteps {
  readonly poolingType: number;
  /** Default: the scheduler's own. */
  readonly decoder?: Decoder;
  readonly signal?: AbortSignal;
}

/**
 * The embedding of each prompt, as `embedTokens` gives it. Short ones share steps; as many are on their way at once as
 * fit one, so that whoever comes meanwhile waits for no more than these. If one fails, all end and its error is thrown.
 */
export async function embedAll(
  scheduler: Scheduler,
  prompts: readonly (readonly number[])[],
  { signal, ...steps }: EmbedSteps,
): Promise<Float32Array[]> {
  const vectors: Float32Array[] = [];
  for (const group of groupsOf(prompts)) {
    const runs = group.map((ids) => (signal: AbortSignal) =>
      embedTokens(scheduler, ids, { ...steps, signal })
    );
    vectors.push(...await allOrNone(runs, signal));
  }
  return vectors;
}

/** Neighbours that have room in one step; what is longer than that is alone. */
function groupsOf(prompts: readonly (readonly number[])[]): (readonly number[])[][] {
  const groups: (readonly number[])[][] = [];
  let tokens = Infinity;
  for (const ids of prompts) {
    tokens += ids.length;
    if (tokens <= CHUNK_ROWS) groups[groups.length - 1].push(ids);
    else {
      groups.push([ids]);
      tokens = ids.length;
    }
  }
  return groups;
}

/**
 * The pooled states `[C]`, scaled to length 1. The mean is a sum in float64 in the order of tokens, so it does not depend
 * on how they were cut. They stand in the cache of answers and wait for room there as prompts do, so that embedding takes
 * no memory of its own.
 * @throws {RangeError} when there are no tokens, or one is outside the vocabulary
 * @throws {ContextFullError} when they do not fit the context
 * @throws {ModelError} when the model computes a number that is not finite
 * @throws {UnsupportedError} when the model pools in another way
 */
export async function embedTokens(
  scheduler: Scheduler,
  ids: readonly number[],
  { poolingType, decoder, signal }: EmbedSteps,
): Promise<Float32Array> {
  const pooling = POOLINGS[poolingType];
  if (!pooling) {
    const what = `pooling_type=${poolingType}`;
    throw new UnsupportedError(`The model's embeddings have a pooling without code: ${what}`, what);
  }
  if (ids.length === 0) {
    throw new RangeError("Cannot embed an empty prompt: give at least one token");
  }
  const { width } = scheduler.decoder.model.config;
  const sum = new Float64Array(width);
  const [first, end] = pooledRange(pooling, ids.length);
  let next = first; // what comes again is counted once
  const onStates = (states: Float32Array, start: number) => {
    const fedEnd = Math.min(end, start + states.length / width);
    for (; next < fedEnd; next++) addRow(sum, states, (next - start) * width);
  };
  const running = scheduler.open({ sharesPrefixes: false, decoder });
  try {
    await scheduler.feed(running, ids, { signal, onStates });
  } finally {
    scheduler.close(running);
  }
  return ofLengthOne(sum);
}

/** Positions that count. */
function pooledRange(pooling: Pooling, tokens: number): readonly [first: number, end: number] {
  switch (pooling) {
    case "mean":
      return [0, tokens];
    case "first":
      return [0, 1];
    case "last":
      return [tokens - 1, tokens];
  }
}

function addRow(sum: Float64Array, states: Float32Array, at: number): void {
  for (let i = 0; i < sum.length; i++) sum[i] += states[at + i];
}

/** Zeros stay zeros. */
function ofLengthOne(vector: Float64Array): Float32Array {
  const length = Math.sqrt(vector.reduce((sum, x) => sum + x * x, 0));
  return Float32Array.from(vector, (x) => length > 0 ? x / length : 0);
}
