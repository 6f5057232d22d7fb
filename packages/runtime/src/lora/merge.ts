/** Adds adapters to the weights that they are for. Changes numbers on the host, knows no file. */
import type { AdapterValues } from "./adapter.ts";

/** W + scale B A of a weight `[N, K]`, or `[E * N, K]` of a bank, in float64 rounded once. */
export function mergedValues(weight: Float32Array, adapter: AdapterValues): Float32Array {
  const { rows, cols, rank, scale, experts = 1, a, b } = adapter;
  if (weight.length !== experts * rows * cols) {
    throw new RangeError(
      `${adapter.weight} has ${weight.length} numbers, its adapter is for ${experts * rows * cols}`,
    );
  }
  const merged = new Float32Array(weight.length);
  const sums = new Float64Array(cols);
  for (let row = 0; row < experts * rows; row++) {
    const first = Math.floor(row / rows) * rank;
    sums.fill(0);
    for (let r = 0; r < rank; r++) {
      const factor = b[row * rank + r];
      for (let col = 0; col < cols; col++) sums[col] += factor * a[(first + r) * cols + col];
    }
    for (let col = 0; col < cols; col++) {
      merged[row * cols + col] = weight[row * cols + col] + scale * sums[col];
    }
  }
  return merged;
}
