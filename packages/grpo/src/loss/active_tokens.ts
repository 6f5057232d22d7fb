/** The tokens of a batch that count, as flat float64 arrays: checks shapes and values. What is masked is never looked at again. */

/** Numbers of tokens, `[B][T]`; rows may differ in length. */
export type TokenRows = readonly ArrayLike<number>[];

/** A batch of completions: prompts are not in it. */
export interface PolicyLossInput {
  /**
   * Log-probabilities of the sampled tokens under the policy that is trained `[B][T]`, nats: of
   * softmax(logits / temperature), as they were sampled.
   */
  readonly logps: TokenRows;
  /** The same under the policy that sampled `[B][T]`; left out where that is the trained one, unchanged. */
  readonly oldLogps?: TokenRows;
  /** The same under the reference model `[B][T]`; needed where `beta` is above 0. */
  readonly refLogps?: TokenRows;
  /** 1 for tokens of the completion, 0 for padding and for what others wrote, such as tools `[B][T]`. */
  readonly mask: TokenRows;
  /** How much better a completion is than its group's mean `[B]`, see `groupAdvantages`. */
  readonly advantages: ArrayLike<number>;
  /**
   * Tokens that count in all batches of a round of sampling, for `"dapo"` and `"cispo"`; by default
   * those of this batch, where it is the only one.
   */
  readonly numItemsInBatch?: number;
  /**
   * Entropy of the policy at each token `[B][T]`, nats, at the same temperature; needed where
   * `topEntropyQuantile` is below 1, else only for the metric.
   */
  readonly entropies?: TokenRows;
}

/** Row i has the tokens `starts[i]` up to `starts[i + 1]`. */
export interface ActiveTokens {
  /** B + 1 numbers. */
  readonly starts: Int32Array;
  /** Where each token stands in its row `[N]`. */
  readonly positions: Int32Array;
  readonly logps: Float64Array;
  /** `logps` itself where none were given: all ratios are 1. */
  readonly oldLogps: Float64Array;
  readonly refLogps: Float64Array | null;
  readonly entropies: Float64Array | null;
  /** `[B]` */
  readonly advantages: Float64Array;
}

/**
 * Takes the tokens that are not masked.
 *
 * Throws a RangeError for rows that do not match, a mask of other numbers than 0 and 1, and numbers
 * that are not finite; it names the input, the row and the token.
 */
export function activeTokens(input: PolicyLossInput): ActiveTokens {
  const { mask, advantages } = input;
  checkRows(input);
  const starts = new Int32Array(mask.length + 1);
  const positions: number[] = [];
  for (let row = 0; row < mask.length; row++) {
    for (let at = 0; at < mask[row].length; at++) {
      const value = mask[row][at];
      if (value === 1) positions.push(at);
      else if (value !== 0) throw new RangeError(`mask${place(row, at)} is ${value}, not 0 or 1`);
    }
    starts[row + 1] = positions.length;
    if (!Number.isFinite(advantages[row])) {
      throw new RangeError(`advantages[${row}] is ${advantages[row]}, it must be finite`);
    }
  }
  const tokens = { starts, positions: Int32Array.from(positions) };
  const logps = gather(tokens, input, "logps");
  return {
    ...tokens,
    logps,
    oldLogps: input.oldLogps ? gather(tokens, input, "oldLogps") : logps,
    refLogps: input.refLogps ? gather(tokens, input, "refLogps") : null,
    entropies: input.entropies ? gather(tokens, input, "entropies") : null,
    advantages: Float64Array.from(advantages),
  };
}

/** Numbers of the active tokens back into rows as long as the mask's, 0 where masked `[B][T]`. */
export function scatter(
  { starts, positions }: ActiveTokens,
  values: Float64Array,
  mask: TokenRows,
): Float64Array[] {
  return mask.map(({ length }, row) => {
    const out = new Float64Array(length);
    for (let n = starts[row]; n < starts[row + 1]; n++) out[positions[n]] = values[n];
    return out;
  });
}

type TokenInput = "logps" | "oldLogps" | "refLogps" | "mask" | "entropies";
const TOKEN_INPUTS: readonly TokenInput[] = ["logps", "oldLogps", "refLogps", "mask", "entropies"];

function checkRows(input: PolicyLossInput): void {
  const { logps, advantages } = input;
  if (logps.length === 0) throw new RangeError("logps has no rows");
  if (advantages.length !== logps.length) {
    throw new RangeError(`advantages has ${advantages.length} values for ${logps.length} rows`);
  }
  for (const name of TOKEN_INPUTS) {
    const rows = input[name];
    if (!rows) continue;
    if (rows.length !== logps.length) {
      throw new RangeError(`${name} has ${rows.length} rows, logps has ${logps.length}`);
    }
    rows.forEach(({ length }, row) => {
      if (length === logps[row].length) return;
      throw new RangeError(`${name}[${row}] has ${length} tokens, logps has ${logps[row].length}`);
    });
  }
}

function gather(
  { starts, positions }: Pick<ActiveTokens, "starts" | "positions">,
  input: PolicyLossInput,
  name: TokenInput,
): Float64Array {
  const out = new Float64Array(positions.length);
  input[name]?.forEach((values, row) => {
    for (let n = starts[row]; n < starts[row + 1]; n++) {
      const value = values[positions[n]];
      if (!Number.isFinite(value)) {
        throw new RangeError(`${name}${place(row, positions[n])} is ${value}, it must be finite`);
      }
      out[n] = value;
    }
  });
  return out;
}

function place(row: number, at: number): string {
  return `[${row}][${at}]`;
}
