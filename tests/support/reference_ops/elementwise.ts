/** Ops that take each number by itself, forward and backward, in float64. */
import type { Tensor } from "../../../packages/runtime/src/tensor.ts";
import { valuesOf, zeros } from "./values.ts";

/** silu(gate) * up. */
export function swiglu(gate: Tensor, up: Tensor): Tensor {
  return mapped(gate, (value, i) => value * sigmoid(value) * valuesOf(up)[i]);
}

/** Gradients by both: silu'(x) = s + x s (1 - s) where s is the sigmoid. */
export function swigluGradient(d: Tensor, gate: Tensor, up: Tensor): { gate: Tensor; up: Tensor } {
  const slopes = valuesOf(d);
  return {
    gate: mapped(gate, (value, i) => {
      const s = sigmoid(value);
      return slopes[i] * valuesOf(up)[i] * s * (1 + value * (1 - s));
    }),
    up: mapped(gate, (value, i) => slopes[i] * value * sigmoid(value)),
  };
}

/** a + b. */
export function add(a: Tensor, b: Tensor): Tensor {
  if (`${a.shape}` !== `${b.shape}`) throw new RangeError(`[${a.shape}] + [${b.shape}]`);
  return mapped(a, (value, i) => value + valuesOf(b)[i]);
}

/** factor * x. */
export function scale(x: Tensor, factor: number): Tensor {
  return mapped(x, (value) => factor * value);
}

/** 1 / (1 + e^-x). */
export function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

function mapped(of: Tensor, f: (value: number, index: number) => number): Tensor {
  const { tensor, values } = zeros(of.shape);
  valuesOf(of).forEach((value, i) => values[i] = f(value, i));
  return tensor;
}
