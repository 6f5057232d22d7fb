/** How many drafts are worth their rows, from how often the last ones were right. Guesses nothing and times nothing. */

/**
 * Time of a step of 1, 2, ... rows against that of one. Measured (bench/README.md) with SmolLM2 Q4_1, where up to four rows
 * share what reads the weights and further ones go over them again, and with a mixture of experts, where each row reads
 * experts of its own.
 */
const STEP_COSTS: Readonly<Record<"dense" | "mixture", readonly number[]>> = {
  dense: [1, 1.13, 1.38, 1.64, 2, 2.4, 2.7, 2.95],
  mixture: [1, 1.42, 1.85, 2.27, 2.75, 3.25, 3.65, 4.05],
};
/** Of each further row. */
const ROW_COST = 0.4;
/** As good as a coin where nothing is known: the first draft is one token. */
const FIRST_RATE = 0.5;
/** Weight of the newest draft in the running rate: about the last ten count. */
const NEWEST = 0.2;
/** What is not tried is forgotten over about as many guesses, and then tried again. */
const FORGETTING = 1 / 64;
/** Drafts that are right less often than this have to rest. */
const LEAST_RATE = 0.1;
/** Guesses that are passed over after a miss; twice as many each time, until one is right. */
const REST = { first: 4, most: 64 };

/** What is known before the first draft. */
export interface DraftOdds {
  /** Whether rows share all weights or go to experts of their own. Default dense. */
  readonly kind?: keyof typeof STEP_COSTS;
  /** Time of making one guess against that of a step of one row. Default 0. */
  readonly guessCost?: number;
  /** How often a guess is right, as far as one knows. Default 0.5. */
  readonly firstRate?: number;
  /** Whether a draft is left out where it does not pay, also alone. Default false. */
  readonly mustPay?: boolean;
}

/** Follows one answer. */
export class DraftLength {
  readonly #costs: readonly number[];
  readonly #guessCost: number;
  readonly #firstRate: number;
  readonly #mustPay: boolean;
  #rate: number;
  #resting = 0;
  #rest = REST.first;

  constructor(
    { kind = "dense", guessCost = 0, firstRate = FIRST_RATE, mustPay = false }: DraftOdds = {},
  ) {
    this.#mustPay = mustPay;
    this.#costs = STEP_COSTS[kind];
    this.#guessCost = guessCost;
    this.#firstRate = this.#rate = firstRate;
  }

  /**
   * The length, 0 to `most`, with the most tokens for the time when a draft is right with the running rate and `others`
   * more rows are in the step. Alone it is at least 1 but for rests, unless it must pay: one row is a cheap way to see texts
   * change.
   */
  next(most: number, others: number): number {
    if (this.#resting > 0) {
      this.#resting--;
      return 0;
    }
    let best = 0;
    let tokens = others + 1;
    const cost = (rows: number) => stepCost(this.#costs, rows);
    let bestSpeed = others > 0 || this.#mustPay ? tokens / cost(tokens) : 0;
    for (let length = 1, right = 1; length <= most; length++) {
      right *= this.#rate;
      tokens += right;
      const speed = tokens / (cost(others + 1 + length) + length * this.#guessCost);
      if (speed > bestSpeed) [best, bestSpeed] = [length, speed];
    }
    if (best === 0) this.#rate += FORGETTING * (this.#firstRate - this.#rate);
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

/** Time of a step of two rows, which checks one guess, against that of one row. */
export function pairCost(kind: NonNullable<DraftOdds["kind"]>): number {
  return stepCost(STEP_COSTS[kind], 2);
}

function stepCost(costs: readonly number[], rows: number): number {
  const last = costs.length;
  return rows <= last ? costs[rows - 1] : costs[last - 1] + ROW_COST * (rows - last);
}
