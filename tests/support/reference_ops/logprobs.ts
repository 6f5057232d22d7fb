/** Log-probabilities of given tokens, their gradients and entropies, by plain loops in float64. */
import type { Gradient } from "../../../packages/runtime/src/backend/grad_ops.ts";
import type { Tensor, Weight } from "../../../packages/runtime/src/tensor.ts";
import { productGradients, products } from "./linear.ts";
import { tensorOf, valuesOf, zeros } from "./values.ts";

/** log-softmax(x head^T / temperature) at the targets. */
export function tokenLogprobs(
  x: Tensor,
  head: Weight,
  targets: Int32Array,
  temperature: number,
): Tensor {
  const rows = logSoftmaxRows(x, head, temperature);
  return tensorOf(Float64Array.from(rows, (row, i) => row[targets[i]]), [rows.length]);
}

/** By the logits it is (1 at the target - softmax) / temperature. */
export function tokenLogprobsGradient(
  d: Tensor,
  x: Tensor,
  head: Weight,
  targets: Int32Array,
  temperature: number,
  into?: Gradient,
): Tensor {
  const { tensor, values } = zeros([targets.length, head.rows]);
  logSoftmaxRows(x, head, temperature).forEach((row, i) => {
    const slope = valuesOf(d)[i] / temperature;
    row.forEach((logp, id) => {
      values[i * head.rows + id] = slope * ((id === targets[i] ? 1 : 0) - Math.exp(logp));
    });
  });
  if (into) productGradients.linearWeight(tensor, x, into);
  return productGradients.linearInput(tensor, head);
}

/** -sum p log p of each row. */
export function entropies(x: Tensor, head: Weight, temperature: number): Tensor {
  const rows = logSoftmaxRows(x, head, temperature);
  const sums = rows.map((row) => -row.reduce((sum, logp) => sum + Math.exp(logp) * logp, 0));
  return tensorOf(Float64Array.from(sums), [rows.length]);
}

function logSoftmaxRows(x: Tensor, head: Weight, temperature: number): Float64Array[] {
  const logits = valuesOf(products.linear(x, head));
  return Array.from({ length: x.shape[0] }, (_, i) => {
    const row = logits.slice(i * head.rows, (i + 1) * head.rows).map((z) => z / temperature);
    const top = row.reduce((a, b) => Math.max(a, b));
    const total = row.reduce((sum, z) => sum + Math.exp(z - top), 0);
    return row.map((z) => z - top - Math.log(total));
  });
}
