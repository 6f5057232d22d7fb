/** pass@k: how likely one of k samples is right. Judges nothing. */

/**
 * Unbiased estimate from `samples` of which `right` are right: 1 - C(n - c, k) / C(n, k), as a product that does not
 * overflow (Chen et al. 2107.03374, section 2.1).
 *
 * @throws {RangeError} unless 0 <= right <= samples and 1 <= k <= samples
 *
 * @example
 * ```ts
 * import { passAtK } from "@aha/grpo/eval";
 *
 * console.log(passAtK(4, 1, 2)); // 0.5
 * ```
 */
export function passAtK(samples: number, right: number, k: number): number {
  if (!Number.isInteger(samples) || !Number.isInteger(right) || right < 0 || right > samples) {
    throw new RangeError(`${right} of ${samples} samples are said to be right`);
  }
  if (!Number.isInteger(k) || k < 1 || k > samples) {
    throw new RangeError(`k is ${k}, it must be a whole number from 1 to the ${samples} samples`);
  }
  if (samples - right < k) return 1;
  let allWrong = 1;
  for (let i = samples - right + 1; i <= samples; i++) allWrong *= 1 - k / i;
  return 1 - allWrong;
}
