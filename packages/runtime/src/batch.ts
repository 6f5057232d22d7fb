/** The ragged batch: which rows of an activation belong to which sequence, at which positions. No rectangle, no padding. */
import type { CachedSequence } from "./kv_cache.ts";

/** A run of consecutive tokens of one sequence. */
export interface Segment {
  /** The cached sequence that these tokens extend; `null` when the keys are the segment's own (training, scoring). */
  readonly sequence: CachedSequence | null;
  /** First row in the batch. */
  readonly start: number;
  /** Rows. */
  readonly length: number;
  /** Position of the first row's token, counted in real tokens from the sequence's first. */
  readonly firstPosition: number;
}

/** Rows of one forward step. Activations have shape `[rows, C]`. */
export interface Batch {
  readonly rows: number;
  readonly segments: readonly Segment[];
}

/** What to feed: some ids of a sequence from a position on. */
export interface SegmentInput {
  readonly sequence: CachedSequence | null;
  readonly ids: ArrayLike<number>;
  readonly firstPosition: number;
}

/** Lays segments out one after the other; gives the batch and its token ids `[rows]`. */
export function makeBatch(inputs: readonly SegmentInput[]): { batch: Batch; ids: Int32Array } {
  const rows = inputs.reduce((sum, input) => sum + input.ids.length, 0);
  const ids = new Int32Array(rows);
  const segments: Segment[] = [];
  let start = 0;
  for (const { sequence, ids: own, firstPosition } of inputs) {
    ids.set(Array.from(own), start);
    segments.push({ sequence, start, length: own.length, firstPosition });
    start += own.length;
  }
  return { batch: { rows, segments }, ids };
}
