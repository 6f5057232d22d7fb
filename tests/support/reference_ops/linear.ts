/** Products with weights and the embedding, forward and backward, by plain loops in float64. */
import type { Gradient, GradOps } from "../../../packages/runtime/src/backend/grad_ops.ts";
import type { Ops } from "../../../packages/runtime/src/ops.ts";
import type { Tensor, Weight } from "../../../packages/runtime/src/tensor.ts";
import { addTo, sizesOf, valuesOf, zeros } from "./values.ts";

type Forward = Pick<Ops, "embed" | "linear" | "linears" | "headLinear">;
type Backward = Pick<
  GradOps,
  "embed" | "linearInput" | "linearWeight" | "bias" | "headLinearInput" | "headLinearWeight"
>;

/** `linear` is `headLinear` of one head. */
export const products: Forward = {
  embed(ids, table) {
    const { tensor, values } = zeros([ids.length, table.cols]);
    const rows = valuesOf(table);
    ids.forEach((id, row) => {
      values.set(rows.subarray(id * table.cols, (id + 1) * table.cols), row * table.cols);
    });
    return tensor;
  },
  linear: (x, weight) => multiply(x, weight, 1),
  linears<W extends readonly Weight[]>(x: Tensor, weights: W) {
    const out = weights.map((weight) => multiply(x, weight, 1));
    return out as unknown as { readonly [I in keyof W]: Tensor };
  },
  headLinear: multiply,
};

/** Their gradients. */
export const productGradients: Backward = {
  embed(d, ids, into) {
    const [, cols] = sizesOf(d);
    ids.forEach((id, row) => {
      addTo(
        valuesOf(into).subarray(id * cols, (id + 1) * cols),
        valuesOf(d).subarray(row * cols, (row + 1) * cols),
      );
    });
  },
  linearInput: (d, weight) => multiplyBack(d, weight, 1),
  linearWeight: (d, x, into) => addOuter(d, x, 1, into),
  bias(d, into) {
    const [rows, cols] = sizesOf(d);
    for (let row = 0; row < rows; row++) {
      addTo(valuesOf(into), valuesOf(d).subarray(row * cols, (row + 1) * cols));
    }
  },
  headLinearInput: multiplyBack,
  headLinearWeight: addOuter,
};

function multiply(x: Tensor, weight: Weight, heads: number): Tensor {
  const [rows, width] = sizesOf(x);
  const { cols, bias } = weight;
  if (width !== heads * cols) {
    throw new RangeError(`${weight.name} takes ${heads} x ${cols} columns, not ${width}`);
  }
  const outputs = weight.rows / heads;
  const [w, from] = [valuesOf(weight), valuesOf(x)];
  const { tensor, values } = zeros([rows, weight.rows]);
  for (let row = 0; row < rows; row++) {
    for (let output = 0; output < weight.rows; output++) {
      const head = Math.floor(output / outputs);
      let sum = bias ? valuesOf(bias)[output] : 0;
      for (let col = 0; col < cols; col++) {
        sum += w[output * cols + col] * from[row * width + head * cols + col];
      }
      values[row * weight.rows + output] = sum;
    }
  }
  return tensor;
}

function multiplyBack(d: Tensor, weight: Weight, heads: number): Tensor {
  const [rows] = sizesOf(d);
  const { cols } = weight;
  const outputs = weight.rows / heads;
  const [w, from] = [valuesOf(weight), valuesOf(d)];
  const { tensor, values } = zeros([rows, heads * cols]);
  for (let row = 0; row < rows; row++) {
    for (let output = 0; output < weight.rows; output++) {
      const head = Math.floor(output / outputs);
      const slope = from[row * weight.rows + output];
      for (let col = 0; col < cols; col++) {
        values[(row * heads + head) * cols + col] += slope * w[output * cols + col];
      }
    }
  }
  return tensor;
}

function addOuter(d: Tensor, x: Tensor, heads: number, into: Gradient): void {
  const [rows, n] = sizesOf(d);
  const cols = x.shape[1] / heads;
  const [slopes, from, to] = [valuesOf(d), valuesOf(x), valuesOf(into)];
  for (let row = 0; row < rows; row++) {
    for (let output = 0; output < n; output++) {
      const head = Math.floor(output / (n / heads));
      const slope = slopes[row * n + output];
      for (let col = 0; col < cols; col++) {
        to[output * cols + col] += slope * from[(row * heads + head) * cols + col];
      }
    }
  }
}
