/** Counts the tokens of a growing sequence, in a window at its end and in its answer. Knows no penalties. */

/** Counts kept from draw to draw: each token is looked at once when it comes, and once when it leaves the window. */
export class TokenCounts {
  readonly #recent = new Map<number, number>();
  readonly #answered = new Map<number, number>();
  #seen = 0;

  /** @param windowTokens how many of the last tokens `recent` counts; may be `Infinity` */
  constructor(private readonly windowTokens: number) {}

  /** Counts that go on by themselves, for tokens that may not stay. */
  copy(): TokenCounts {
    const copy = new TokenCounts(this.windowTokens);
    for (const [id, times] of this.#recent) copy.#recent.set(id, times);
    for (const [id, times] of this.#answered) copy.#answered.set(id, times);
    copy.#seen = this.#seen;
    return copy;
  }

  /** Counts of the last `windowTokens` tokens of prompt and answer. */
  get recent(): ReadonlyMap<number, number> {
    return this.#recent;
  }

  /** Counts of the tokens after the prompt. */
  get answered(): ReadonlyMap<number, number> {
    return this.#answered;
  }

  /** Takes what has been appended to `history` since the last call; a shorter one is counted anew. */
  update(history: readonly number[], promptLength: number): void {
    if (history.length < this.#seen) {
      this.#recent.clear();
      this.#answered.clear();
      this.#seen = 0;
    }
    for (; this.#seen < history.length; this.#seen++) {
      count(this.#recent, history[this.#seen], 1);
      if (this.#seen >= promptLength) count(this.#answered, history[this.#seen], 1);
      const leaving = this.#seen - this.windowTokens;
      if (leaving >= 0) count(this.#recent, history[leaving], -1);
    }
  }
}

function count(counts: Map<number, number>, id: number, change: number): void {
  const now = (counts.get(id) ?? 0) + change;
  if (now === 0) counts.delete(id);
  else counts.set(id, now);
}
