/** Dropout with Philox4x32-10 (Salmon et al., SC'11), element by element. */
import type { GradOps } from "../../../packages/runtime/src/backend/grad_ops.ts";
import { sizesOf, valuesOf, zeros } from "./values.ts";

/** Elements whose word is below the rate become 0, the others are divided by what is left. */
export const dropout: GradOps["dropout"] = (x, rate, { seed, stream, rows }) => {
  const [count, cols] = sizesOf(x);
  const { tensor, values } = zeros(x.shape);
  for (let row = 0; row < count; row++) {
    for (let col = 0; col < cols; col++) {
      const words = philox(seed, [col >>> 2, rows[row] >>> 0, stream >>> 0, 0]);
      const at = row * cols + col;
      values[at] = words[col % 4] / 2 ** 32 < rate ? 0 : valuesOf(x)[at] / (1 - rate);
    }
  }
  return tensor;
};

/** Ten rounds. */
export function philox(
  [key0, key1]: readonly [number, number],
  counter: readonly [number, number, number, number],
): number[] {
  let [a, b, c, d] = counter;
  let [k0, k1] = [key0 >>> 0, key1 >>> 0];
  for (let round = 0; round < 10; round++) {
    const left = BigInt(a) * 0xd2511f53n;
    const right = BigInt(c) * 0xcd9e8d57n;
    const [high0, low0] = [Number(left >> 32n), Number(left & 0xffffffffn)];
    const [high1, low1] = [Number(right >> 32n), Number(right & 0xffffffffn)];
    [a, b, c, d] = [(high1 ^ b ^ k0) >>> 0, low1, (high0 ^ d ^ k1) >>> 0, low0];
    [k0, k1] = [(k0 + 0x9e3779b9) >>> 0, (k1 + 0xbb67ae85) >>> 0];
  }
  return [a, b, c, d];
}
