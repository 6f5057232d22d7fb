/** Feeds given tokens in chunks that leave others their turn, for what is read off them. Draws nothing and keeps no state. */
import { ContextFullError } from "../../errors.ts";
import type { CachedSequence, KvCache } from "../../kv_cache.ts";
import { yieldToHost } from "../../yield_to_host.ts";
import type { Decoder } from "../decoder.ts";
import type { StepSize } from "../step_size.ts";

/** What is fed in one forward pass. */
export interface Chunk {
  /** Holds the tokens before these. */
  readonly sequence: CachedSequence;
  readonly ids: Int32Array;
  /** Of its first token among all. */
  readonly start: number;
}

/**
 * Calls `feed`, which appends the chunk to its sequence, for one chunk after the other. The cache's pages are given back in
 * any case.
 * @throws {ContextFullError} when the tokens do not fit the context
 * @throws {RangeError} when one is outside the vocabulary
 */
export async function readInChunks(
  decoder: Decoder,
  cache: KvCache,
  ids: ArrayLike<number>,
  stepSize: StepSize,
  feed: (chunk: Chunk) => Promise<void>,
  signal?: AbortSignal,
): Promise<void> {
  if (ids.length > decoder.contextTokens) {
    throw new ContextFullError(ids.length, decoder.contextTokens);
  }
  decoder.checkIds(ids);
  const all = Int32Array.from(ids);
  const sequence = cache.create();
  try {
    while (sequence.length < all.length) {
      await yieldToHost(signal);
      const start = sequence.length;
      const chunk = all.subarray(start, start + stepSize.rows);
      const began = performance.now();
      await feed({ sequence, ids: chunk, start });
      stepSize.took(chunk.length, performance.now() - began);
    }
  } finally {
    cache.free(sequence);
  }
}
