/** Tensors, weights and gradients of the reference backend: plain float64 arrays. Computes nothing. */
import type { Gradient } from "../../../packages/runtime/src/backend/grad_ops.ts";
import { elementCount, type Tensor, type Weight } from "../../../packages/runtime/src/tensor.ts";

/** Anything whose numbers stand row-major. */
type Stored = Tensor | Weight | Gradient;

/** Wraps numbers. */
export function tensorOf(values: Float64Array, shape: readonly number[]): Tensor {
  if (values.length !== elementCount(shape)) {
    throw new RangeError(`Shape [${shape}] does not hold ${values.length} values`);
  }
  return { type: "f32", shape, storage: values };
}

/** Wraps whole numbers. */
export function intsOf(values: Int32Array, shape: readonly number[]): Tensor {
  return { type: "i32", shape, storage: values };
}

/** The numbers themselves, which may be changed. */
export function valuesOf(of: Stored): Float64Array {
  return of.storage as Float64Array;
}

/** Those of an i32 tensor. */
export function wholeNumbersOf(tensor: Tensor): Int32Array {
  return tensor.storage as Int32Array;
}

/** Rows and columns of a matrix of activations. */
export function sizesOf(tensor: Tensor): [rows: number, cols: number] {
  return [tensor.shape[0], tensor.shape[1]];
}

/** Zeros of the shape. */
export function zeros(shape: readonly number[]): { tensor: Tensor; values: Float64Array } {
  const values = new Float64Array(elementCount(shape));
  return { tensor: tensorOf(values, shape), values };
}

/** Adds each number to the one at its place. */
export function addTo(into: Float64Array, values: ArrayLike<number>): void {
  for (let i = 0; i < into.length; i++) into[i] += values[i];
}
