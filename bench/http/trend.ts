/** Whether a series of measurements stays flat: the line of least squares through its last half. Measures nothing. */

/** A value at a time. */
export interface Sample {
  readonly atMs: number;
  readonly value: number;
}

/** What is said of a series. */
export interface Trend {
  /** Mean of the last half. */
  readonly mean: number;
  /** What the line gains over the last half, as a share of the mean. */
  readonly growth: number;
}

/** @throws {RangeError} where there are fewer than 4 samples */
export function trendOf(samples: readonly Sample[]): Trend {
  if (samples.length < 4) throw new RangeError(`A trend of ${samples.length} samples says nothing`);
  const half = samples.slice(samples.length >> 1);
  const meanOf = (values: readonly number[]) => values.reduce((a, b) => a + b) / values.length;
  const time = meanOf(half.map(({ atMs }) => atMs));
  const mean = meanOf(half.map(({ value }) => value));
  const rise = half.reduce((sum, { atMs, value }) => sum + (atMs - time) * (value - mean), 0);
  const spread = half.reduce((sum, { atMs }) => sum + (atMs - time) ** 2, 0);
  const span = half[half.length - 1].atMs - half[0].atMs;
  return { mean, growth: rise / spread * span / mean };
}
