/** Feeds tokens of sequences through a model: prefill in chunks, one step at a time, log-probabilities of given tokens.
 * Knows ids and positions only: no text, no sampling options. */
import { makeBatch } from "./batch.ts";
import { ContextFullError, ModelError } from "./errors.ts";
import type { CachedSequence, KvCache } from "./kv_cache.ts";
import type { LanguageModel } from "./model/language_model.ts";
import type { Draw, Drawn, Ops } from "./ops.ts";
import type { Tensor } from "./tensor.ts";
import { yieldToHost } from "./yield_to_host.ts";

/** Rows of a prefill step: enough to use the weights well, few enough to keep activations small. */
export const CHUNK_ROWS = 256;

/** A model with its ops; the one place that runs forward passes for inference. */
export class Decoder {
  constructor(
    readonly model: LanguageModel,
    readonly ops: Ops,
    readonly contextTokens: number,
  ) {}

  /**
   * Appends ids to a sequence and draws the next token.
   * @throws {ContextFullError} when they do not fit the context
   * @throws {RangeError} when there are none, or one is outside the vocabulary; in all three cases nothing is appended
   * @throws {ModelError} when the model computes a number that is not finite
   */
  async extend(
    cache: KvCache,
    sequence: CachedSequence,
    ids: ArrayLike<number>,
    draw: Draw,
    signal?: AbortSignal,
    chunkRows = CHUNK_ROWS,
  ): Promise<Drawn> {
    const total = sequence.length + ids.length;
    if (total > this.contextTokens) throw new ContextFullError(total, this.contextTokens);
    this.checkIds(ids);
    let drawn: Promise<Drawn> | undefined;
    for (const { chunk, isLast } of chunksOf(ids, chunkRows)) {
      if (chunk.length > 1) await yieldToHost(signal);
      drawn = this.#step(cache, sequence, chunk, isLast ? draw : undefined);
    }
    if (!drawn) {
      throw new RangeError("Cannot generate from an empty prompt: give at least one token");
    }
    return await drawn;
  }

  /** One forward pass. The scope closes before anything is awaited, since another request may step meanwhile. */
  #step(
    cache: KvCache,
    sequence: CachedSequence,
    chunk: Int32Array,
    draw?: Draw,
  ): Promise<Drawn> | undefined {
    using _step = this.ops.scope();
    const hidden = this.#forward(cache, sequence, chunk);
    if (!draw) return undefined;
    const last = this.ops.selectRows(hidden, [chunk.length - 1]);
    return this.ops.sample(this.ops.linear(last, this.model.head), [draw]);
  }

  /** Log-probabilities `[T - 1]` of each token given those before it; `onLogits` gets rows of logits `[rows, V]` in order. */
  async score(
    cache: KvCache,
    ids: ArrayLike<number>,
    options: { signal?: AbortSignal; onLogits?: (logits: Float32Array) => void } = {},
  ): Promise<Float32Array> {
    if (ids.length > this.contextTokens) {
      throw new ContextFullError(ids.length, this.contextTokens);
    }
    this.checkIds(ids);
    const logprobs = new Float32Array(Math.max(0, ids.length - 1));
    const sequence = cache.create();
    try {
      for (const { chunk, start } of chunksOf(ids, CHUNK_ROWS)) {
        await yieldToHost(options.signal);
        const targets = Int32Array.from(
          chunk,
          (_, i) => ids[Math.min(start + i + 1, ids.length - 1)],
        );
        const scored = this.#scoreStep(cache, sequence, chunk, targets, !!options.onLogits);
        if (scored.logits) options.onLogits?.(await scored.logits);
        const known = Math.min(chunk.length, logprobs.length - start);
        logprobs.set((await scored.values).subarray(0, known), start);
      }
    } finally {
      cache.free(sequence);
    }
    const wrong = logprobs.findIndex((value) => !Number.isFinite(value));
    if (wrong >= 0) throw notFinite(wrong + 1);
    return logprobs;
  }

  /** Closes its scope before anything is awaited, as `#step` does. */
  #scoreStep(
    cache: KvCache,
    sequence: CachedSequence,
    chunk: Int32Array,
    targets: Int32Array,
    wantsLogits: boolean,
  ): { values: Promise<Float32Array>; logits?: Promise<Float32Array> } {
    using _step = this.ops.scope();
    const hidden = this.#forward(cache, sequence, chunk);
    const { head } = this.model;
    return {
      logits: wantsLogits ? this.ops.read(this.ops.linear(hidden, head)) : undefined,
      values: this.ops.read(this.ops.tokenLogprobs(hidden, head, targets, 1)),
    };
  }

  /** @throws {RangeError} naming the first id that is no whole number of the vocabulary. */
  checkIds(ids: ArrayLike<number>): void {
    const { vocabulary } = this.model.config;
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i];
      if (Number.isInteger(id) && id >= 0 && id < vocabulary) continue;
      throw new RangeError(`Token id ${id} is outside the vocabulary of ${vocabulary}`);
    }
  }

  #forward(cache: KvCache, sequence: CachedSequence, chunk: Int32Array): Tensor {
    const firstPosition = sequence.length;
    cache.extend(sequence, chunk.length);
    const { batch, ids } = makeBatch([{ sequence, ids: chunk, firstPosition }]);
    return this.model.forward(this.ops, ids, batch, cache);
  }
}

function notFinite(position: number): ModelError {
  return new ModelError(`The model computed a logit that is not finite for position ${position}`);
}

function* chunksOf(
  ids: ArrayLike<number>,
  size: number,
): Generator<{ chunk: Int32Array; start: number; isLast: boolean }> {
  const all = Int32Array.from(ids);
  for (let start = 0; start < all.length; start += size) {
    const chunk = all.subarray(start, start + size);
    yield { chunk, start, isLast: start + size >= all.length };
  }
}
