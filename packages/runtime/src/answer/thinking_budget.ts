/** Ends a thought that has grown to its budget by forcing the end tag. Draws nothing and sees no text. */

/** Counts the tokens of a thought. */
export class ThinkingBudget {
  #used = 0;
  #forced: number[] = [];

  /**
   * @param tokens most tokens of a thought, those of the tags apart
   * @param closingIds the tokens that end it
   */
  constructor(private readonly tokens: number, private readonly closingIds: readonly number[]) {}

  /** The token that must come next, if any: `thinking` says whether the answer is inside a thought, which must end `now`. */
  next(thinking: boolean, now = false): number | undefined {
    if (this.#forced.length === 0 && thinking && (now || this.#used >= this.tokens)) {
      this.#forced = [...this.closingIds];
      this.#used = -Infinity; // once: a model that thinks again is not cut again
    }
    return this.#forced.shift();
  }

  /** Counts a token that was drawn inside a thought. */
  count(): void {
    this.#used++;
  }
}
