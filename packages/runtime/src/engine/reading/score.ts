/** Log-probabilities of given tokens, by the same forward pass that generates. Draws nothing. */
import { ModelError } from "../../errors.ts";
import type { KvCache } from "../../kv_cache.ts";
import type { Trace } from "../../model/language_model.ts";
import type { Decoder } from "../decoder.ts";
import { GateWatch, type RoutingRecord, traceOf } from "../routing_record.ts";
import type { StepSize } from "../step_size.ts";
import { type Chunk, readInChunks } from "./read_in_chunks.ts";

/** What a caller may ask for besides the log-probabilities. */
export interface ScoreSteps {
  readonly signal?: AbortSignal;
  /** Called with rows of raw logits `[rows, V]` in order. */
  readonly onLogits?: (logits: Float32Array) => void;
  /** Takes down the experts of each token. */
  readonly routing?: RoutingRecord;
}

/**
 * Log-probabilities `[T - 1]` of each token given those before it. The cache's pages are given back in any case.
 * @throws {ContextFullError} when the tokens do not fit the context
 * @throws {RangeError} when one is outside the vocabulary
 * @throws {ModelError} when the model computes a number that is not finite
 */
export async function scoreTokens(
  decoder: Decoder,
  cache: KvCache,
  ids: ArrayLike<number>,
  stepSize: StepSize,
  { signal, onLogits, routing }: ScoreSteps = {},
): Promise<Float32Array> {
  const all = Int32Array.from(ids);
  const logprobs = new Float32Array(Math.max(0, all.length - 1));
  const feed = async (chunk: Chunk): Promise<void> => {
    const { start } = chunk;
    const end = start + chunk.ids.length;
    const targets = chunk.ids.map((_, i) => all[Math.min(start + i + 1, all.length - 1)]);
    const gates = new GateWatch(decoder.ops);
    const trace = traceOf(gates, routing, decoder.watched.expertLoad);
    const wanted = { logits: onLogits !== undefined, trace };
    const scored = scoreChunk(decoder, cache, chunk, targets, wanted);
    const [values, logits] = [await scored.values, await scored.logits];
    await routing?.settled();
    logprobs.set(values.subarray(0, logprobs.length - start), start);
    if (logits) onLogits?.(logits);
    const wrong = logprobs.subarray(start, end).findIndex((n) => !Number.isFinite(n));
    if (wrong < 0) return;
    const unrouted = await gates.firstUnrouted(0, chunk.ids.length);
    throw unrouted
      ? gateNotFinite(unrouted.layer, start + unrouted.row)
      : notFinite(start + wrong + 1);
  };
  await readInChunks(decoder, cache, ids, stepSize, feed, signal);
  return logprobs;
}

/** Closes its scope before anything is awaited, as a step of the decoder does. */
function scoreChunk(
  decoder: Decoder,
  cache: KvCache,
  { sequence, ids }: Chunk,
  targets: Int32Array,
  wanted: { readonly logits: boolean; readonly trace?: Trace },
): { values: Promise<Float32Array>; logits?: Promise<Float32Array> } {
  const { ops, model: { head } } = decoder;
  using _step = ops.scope();
  const hidden = decoder.forward(cache, [{ sequence, ids }], wanted.trace);
  return {
    logits: wanted.logits ? ops.read(ops.linear(hidden, head)) : undefined,
    values: ops.read(ops.tokenLogprobs(hidden, head, targets, 1)),
  };
}

/** The error of a model whose numbers overflow, as a damaged file's do. */
export function notFinite(position: number): ModelError {
  return new ModelError(`The model computed a logit that is not finite for position ${position}`);
}

/** The same where the gate of a mixture shows it, for the token at the position. */
export function gateNotFinite(layer: number, position: number): ModelError {
  return new ModelError(
    `The gate of layer ${layer} computed a score that is not finite at position ${position}`,
  );
}
