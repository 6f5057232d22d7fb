/** Products, norms and scores over rows of float64 numbers, by plain loops. Knows no model. */

/** A row of numbers. */
export type Row = Float64Array;

/** W x of a matrix `[rows, cols]` that begins `first` rows into its numbers. */
export function product(
  x: ArrayLike<number>,
  values: ArrayLike<number>,
  rows: number,
  first = 0,
): Row {
  const cols = x.length;
  const out = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    let sum = 0;
    for (let col = 0; col < cols; col++) sum += values[(first + row) * cols + col] * x[col];
    out[row] = sum;
  }
  return out;
}

/** x / sqrt(mean(x^2) + epsilon) * gain. */
export function rmsNorm(x: ArrayLike<number>, gain: ArrayLike<number>, epsilon: number): Row {
  let squares = 0;
  for (let i = 0; i < x.length; i++) squares += x[i] * x[i];
  const scale = 1 / Math.sqrt(squares / x.length + epsilon);
  return Float64Array.from(x, (value, i) => value * scale * gain[i]);
}

/** Element by element. */
export function sum(a: Row, b: Row): Row {
  return a.map((value, i) => value + b[i]);
}

/** e^x over their sum. */
export function softmax(x: Row): Row {
  const top = Math.max(...x);
  const powers = x.map((value) => Math.exp(value - top));
  const total = powers.reduce((a, b) => a + b, 0);
  return powers.map((value) => value / total);
}

/** 1 / (1 + e^-x). */
export function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

/** down(silu(gate x) * up x), where each matrix begins some rows into its numbers. */
export function swiglu(
  x: Row,
  hidden: number,
  [gate, up, down]: readonly ArrayLike<number>[],
  expert = 0,
): Row {
  const gated = product(x, gate, hidden, expert * hidden);
  const raised = product(x, up, hidden, expert * hidden);
  const between = gated.map((value, i) => value * sigmoid(value) * raised[i]);
  return product(between, down, x.length, expert * x.length);
}

/** The n best places, the best first; among equals the lowest. */
export function best(scores: ArrayLike<number>, n: number): number[] {
  const order = Array.from(scores, (_, i) => i);
  return order.sort((a, b) => scores[b] - scores[a] || a - b).slice(0, n);
}
