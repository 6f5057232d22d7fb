/** Balancing without an auxiliary loss (DeepSeek-V3 2412.19437, section 2.1.2): the bias that steers a router's choice. Counts nothing. */

/**
 * The bias after a step: of each expert with more tokens than the mean it is lowered by `speed` (gamma; V3 0.001, at the end
 * 0), of each with fewer raised. `tokens` counts those that went to each expert in the whole batch of the step.
 * @throws {RangeError} if the numbers of experts differ
 */
export function updatedRouterBias(
  bias: Float32Array,
  tokens: ArrayLike<number>,
  speed: number,
): Float32Array {
  if (tokens.length !== bias.length) {
    throw new RangeError(`Tokens of ${tokens.length} experts, biases of ${bias.length}`);
  }
  const mean = Array.from(tokens).reduce((sum, count) => sum + count, 0) / bias.length;
  return bias.map((value, expert) => value + speed * Math.sign(mean - tokens[expert]));
}
