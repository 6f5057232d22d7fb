/** Means over problems with their standard errors. Judges nothing. */

/** A mean over problems. */
export interface Estimate {
  readonly mean: number;
  /** Of the mean, by the spread of problems; `null` for fewer than two problems. */
  readonly standardError: number | null;
}

/**
 * The mean of one value a problem, with its standard error: spread of the problems (n - 1) / sqrt(n). Samples of one
 * problem are averaged before, so that the error is clustered by problem: more samples of the same problems do not
 * make it 0 (Miller, "Adding error bars to evals", 2411.00640, section 2.2).
 *
 * @throws {RangeError} without values
 *
 * @example
 * ```ts
 * import { estimateOf } from "@aha/grpo/eval";
 *
 * console.log(estimateOf([1, 0, 0.5, 0.5])); // { mean: 0.5, standardError: 0.204... }
 * ```
 */
export function estimateOf(values: readonly number[]): Estimate {
  const count = values.length;
  if (count === 0) throw new RangeError("there is no value to take the mean of");
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  if (count === 1) return { mean, standardError: null };
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, standardError: Math.sqrt(squares / (count - 1) / count) };
}
