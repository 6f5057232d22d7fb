/** Adds adapters to the weights that they are for. Changes numbers on the host, knows no file. */
import type { AdapterValues } from "./adapter.ts";

/** W + scale B A of a weight `[N, K]`, or `[E * N, K]` of a bank, in float64 rounded once. */
export function mergedValues(weight: Float32Array, adapter: AdapterValues): Float32Array {
  const { rows, cols, experts = 1 } = adapter;
  if (weight.length !== experts * rows * cols) {
    throw new RangeError(
      `${adapter.weight} has ${weight.length} numbers, its adapter is for ${experts * rows * cols}`,
    );
  }
  return mergedRows(weight, adapter, 0);
}

/** The same of some rows `[rows, K]` of it, from row `start` on. */
export function mergedRows(
  weight: Float32Array,
  { rows, cols, rank, scale, a, b }: AdapterValues,
  start: number,
): Float32Array {
  const merged = new Float32Array(weight.length);
  const sums = new Float64Array(cols);
  for (let row = start; row < start + weight.length / cols; row++) {
    const at = (row - start) * cols;
    const first = Math.floor(row / rows) * rank;
    sums.fill(0);
    for (let r = 0; r < rank; r++) {
      const factor = b[row * rank + r];
      for (let col = 0; col < cols; col++) sums[col] += factor * a[(first + r) * cols + col];
    }
    for (let col = 0; col < cols; col++) {
      merged[at + col] = weight[at + col] + scale * sums[col];
    }
  }
  return merged;
}
