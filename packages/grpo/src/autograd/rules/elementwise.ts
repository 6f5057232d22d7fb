/** Back through ops that take each number by itself. */
import type { DropoutKey, Tensor } from "@aha/runtime/training";
import type { Recorder, Rule } from "../recorder.ts";

/** By both factors. */
export const swiglu: Rule<"swiglu"> = ({ inner, grad, note }, gate, up) => {
  const out = inner.swiglu(gate, up);
  note({
    inputs: [gate, up],
    outputs: [out],
    into: [],
    backward([d]) {
      const by = grad.swiglu(d, gate, up);
      return [by.gate, by.up];
    },
  });
  return out;
};

/** The same gradient for both. */
export const add: Rule<"add"> = ({ inner, note }, a, b) => {
  const out = inner.add(a, b);
  note({ inputs: [a, b], outputs: [out], into: [], backward: ([d]) => [d, d] });
  return out;
};

/** Times the same factor. */
export function scale({ grad, note }: Recorder, x: Tensor, factor: number): Tensor {
  const out = grad.scale(x, factor);
  note({
    inputs: [x],
    outputs: [out],
    into: [],
    backward: ([d]) => [grad.scale(d, factor)],
  });
  return out;
}

/** The same mask. */
export function dropout(
  { grad, note }: Recorder,
  x: Tensor,
  rate: number,
  key: DropoutKey,
): Tensor {
  const out = grad.dropout(x, rate, key);
  note({
    inputs: [x],
    outputs: [out],
    into: [],
    backward: ([d]) => [grad.dropout(d, rate, key)],
  });
  return out;
}
