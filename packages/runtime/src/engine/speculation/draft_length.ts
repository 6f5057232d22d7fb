/** How many drafts are worth their rows, from how often the last ones were right. Guesses nothing and times nothing. */

/**
 * Time of a step of 1, 2, ... rows against that of one. Measured with SmolLM2 Q4_1 (bench/README.md): up to four rows share
 * what reads the weights, further ones go over them again.
 */
const STEP_COST: readonly number[] = [1, 1.18, 1.45, 1.78, 2.25, 2.74, 3.1, 3.5];
/** Of each further row. */
const ROW_COST = 0.4;
/** As good as a coin: the first draft is one token. */
const FIRST_RATE = 0.5;
/** Weight of the newest draft in the running rate: about the last ten count. */
const NEWEST = 0.2;
/** What is not tried is forgotten over about as many guesses, and then tried again. */
const FORGETTING = 1 / 64;
/** Drafts that are right less often than this have to rest. */
const LEAST_RATE = 0.1;
/** Guesses that are passed over after a miss; twice as many each time, until one is right. */
const REST = { first: 4, most: 64 };

/** Follows one answer. */
export class DraftLength {
  #rate = FIRST_RATE;
  #resting = 0;
  #rest = REST.first;

  /** @param guessCost time of making one guess against that of a step of one row */
  constructor(private readonly guessCost = 0) {}

  /**
   * The length, 0 to `most`, with the most tokens for the time when a draft is right with the running rate and `others`
   * more rows are in the step. Alone it is at least 1 but for rests: one row is a cheap way to see texts change.
   */
  next(most: number, others: number): number {
    if (this.#resting > 0) {
      this.#resting--;
      return 0;
    }
    let best = 0;
    let tokens = others + 1;
    let bestSpeed = others > 0 ? tokens / cost(tokens) : 0;
    for (let length = 1, right = 1; length <= most; length++) {
      right *= this.#rate;
      tokens += right;
      const speed = tokens / (cost(others + 1 + length) + length * this.guessCost);
      if (speed > bestSpeed) [best, bestSpeed] = [length, speed];
    }
    if (best === 0) this.#rate += FORGETTING * (FIRST_RATE - this.#rate);
    return best;
  }

  /** Takes the result of a check; drafts after the first wrong one say nothing. */
  took(drafted: number, accepted: number): void {
    for (let i = 0; i < Math.min(drafted, accepted + 1); i++) {
      this.#rate += NEWEST * ((i < accepted ? 1 : 0) - this.#rate);
    }
    if (accepted > 0) this.#rest = REST.first;
    else if (this.#rate < LEAST_RATE) {
      this.#resting = this.#rest;
      this.#rest = Math.min(REST.most, 2 * this.#rest);
    }
  }
}

function cost(rows: number): number {
  const last = STEP_COST.length;
  return rows <= last ? STEP_COST[rows - 1] : STEP_COST[last - 1] + ROW_COST * (rows - last);
}
