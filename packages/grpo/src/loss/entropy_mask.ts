/** Chooses the tokens of highest entropy. Computes no entropies. */

/**
 * Which of the tokens `[N]` are among the share of highest entropy ("Beyond the 80/20 rule"
 * 2506.01939, section 5): those that reach the quantile 1 - share, between two values in
 * proportion. At least one, where there is any; ties at the border all count.
 */
export function highEntropyTokens(entropies: Float64Array, share: number): boolean[] {
  const threshold = quantile(entropies, 1 - share);
  return Array.from(entropies, (entropy) => entropy >= threshold);
}

/** The rank is rounded to f32, as TRL's is: the last bit of `1 - share` must not decide over a token. */
function quantile(values: Float64Array, portion: number): number {
  const sorted = values.slice().sort();
  const rank = Math.fround(Math.fround(portion) * (sorted.length - 1));
  const below = sorted[Math.floor(rank)];
  const above = sorted[Math.ceil(rank)];
  return below + (above - below) * (rank - Math.floor(rank));
}
