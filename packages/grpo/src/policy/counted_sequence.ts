/** A sequence of which some tokens count. Types and sizes only. */

/** A sequence, and which of its tokens count. */
export interface CountedSequence {
  readonly ids: ArrayLike<number>;
  /** 1 for each token whose log-probability is wanted, else 0 `[T]`; that of the first token is never looked at. */
  readonly mask: ArrayLike<number>;
  /**
   * The first so many ids are a prompt: rows that others with the same one share with it may be computed once. Default 0:
   * all rows are its own.
   */
  readonly promptTokens?: number;
}

/** Rows of a sequence: all tokens but the last, from which nothing follows. */
export function rowsOf({ ids }: CountedSequence): number {
  return Math.max(0, ids.length - 1);
}
