/** RMSNorm and its gradient, by plain loops in float64. */
import type { Gradient } from "../../../packages/runtime/src/backend/grad_ops.ts";
import type { Tensor } from "../../../packages/runtime/src/tensor.ts";
import { valuesOf, zeros } from "./values.ts";

/** x / sqrt(mean(x^2) + epsilon) * gain of each run of the gain's size. */
export function rmsNorm(x: Tensor, gain: Tensor, epsilon: number): Tensor {
  const { tensor, values } = zeros(x.shape);
  const [from, gains] = [valuesOf(x), valuesOf(gain)];
  const size = gains.length;
  for (let first = 0; first < from.length; first += size) {
    const factor = rootOf(from, first, size, epsilon);
    for (let i = 0; i < size; i++) values[first + i] = from[first + i] * factor * gains[i];
  }
  return tensor;
}

/** Of y = x r g: dx = r (g d - x r^2 mean(g d x)). */
export function rmsNormGradient(
  d: Tensor,
  x: Tensor,
  gain: Tensor,
  epsilon: number,
  into?: Gradient,
): Tensor {
  const { tensor, values } = zeros(x.shape);
  const [slopes, from, gains] = [valuesOf(d), valuesOf(x), valuesOf(gain)];
  const size = gains.length;
  for (let first = 0; first < from.length; first += size) {
    const factor = rootOf(from, first, size, epsilon);
    let mean = 0;
    for (let i = 0; i < size; i++) {
      mean += gains[i] * slopes[first + i] * from[first + i] / size;
    }
    for (let i = 0; i < size; i++) {
      const [slope, value] = [slopes[first + i], from[first + i]];
      values[first + i] = factor * (gains[i] * slope - value * factor ** 2 * mean);
      if (into) valuesOf(into)[i] += slope * value * factor;
    }
  }
  return tensor;
}

function rootOf(x: Float64Array, first: number, size: number, epsilon: number): number {
  let squares = 0;
  for (let i = 0; i < size; i++) squares += x[first + i] ** 2;
  return 1 / Math.sqrt(squares / size + epsilon);
}
