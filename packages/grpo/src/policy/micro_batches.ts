/** Sequences cut into parts that fit the memory, and laid out as rows of a batch. Runs nothing. */
import { type Batch, makeBatch } from "@aha/runtime/training";

/** A sequence, and which of its tokens count. */
export interface CountedSequence {
  readonly ids: ArrayLike<number>;
  /** 1 for each token whose log-probability is wanted, else 0 `[T]`; that of the first token is never looked at. */
  readonly mask: ArrayLike<number>;
}

/** Some sequences as one ragged batch: all tokens but each one's last, from which nothing follows. */
export interface MicroBatch {
  readonly batch: Batch;
  readonly ids: Int32Array;
  /** Rows after which a token counts. */
  readonly rows: readonly number[];
  /** These tokens. */
  readonly targets: Int32Array;
  /** How many of them each sequence has. */
  readonly counts: readonly number[];
  /** Number of its first sequence. */
  readonly firstSequence: number;
  /** Number of each row among those of all parts. */
  readonly rowNumbers: Int32Array;
}

/**
 * Parts of whole sequences, in order, each of at most `mostTokens` rows, or of one sequence that is longer. Sequences
 * without a counted token are in none.
 * @throws {RangeError} for masks that do not fit, and limits that are no number above 0
 */
export function microBatches(
  sequences: readonly CountedSequence[],
  mostTokens = Infinity,
): MicroBatch[] {
  if (!(mostTokens > 0)) {
    throw new RangeError(`micro_batch_tokens is ${mostTokens}, it must be a number above 0`);
  }
  const parts: { first: number; end: number }[] = [];
  let tokens = 0;
  sequences.forEach((sequence, i) => {
    checkMask(sequence, i);
    const rows = Math.max(0, sequence.ids.length - 1);
    if (parts.length === 0 || (tokens > 0 && tokens + rows > mostTokens)) {
      parts.push({ first: i, end: i });
      tokens = 0;
    }
    parts[parts.length - 1].end = i + 1;
    tokens += rows;
  });
  let before = 0;
  return parts.map(({ first, end }) => {
    const part = layOut(sequences.slice(first, end), first, before);
    before += part.ids.length;
    return part;
  });
}

function layOut(
  sequences: readonly CountedSequence[],
  firstSequence: number,
  before: number,
): MicroBatch {
  const rows: number[] = [];
  const targets: number[] = [];
  const counts: number[] = [];
  let start = 0;
  const inputs = sequences.flatMap(({ ids, mask }) => {
    const length = Math.max(0, ids.length - 1);
    const counted = rows.length;
    for (let i = 0; i < length; i++) {
      if (mask[i + 1] !== 1) continue;
      rows.push(start + i);
      targets.push(ids[i + 1]);
    }
    counts.push(rows.length - counted);
    start += length;
    const fed = Array.from({ length }, (_, i) => ids[i]);
    return length === 0 ? [] : [{ sequence: null, ids: fed, firstPosition: 0 }];
  });
  const { batch, ids } = makeBatch(inputs);
  const rowNumbers = Int32Array.from(ids, (_, row) => before + row);
  return { batch, ids, rows, targets: Int32Array.from(targets), counts, firstSequence, rowNumbers };
}

function checkMask({ ids, mask }: CountedSequence, sequence: number): void {
  if (ids.length === mask.length) return;
  throw new RangeError(
    `The mask of sequence ${sequence} has ${mask.length} values for ${ids.length} tokens`,
  );
}
