/** Back through products with weights: by the input, by the weight and by its bias. */
import type { Tensor, Weight } from "@aha/runtime/training";
import type { Recorder, Rule } from "../recorder.ts";

/** One product. */
export const linear: Rule<"linear"> = (tape, x, weight) => {
  const out = tape.inner.linear(x, weight);
  noteProduct(tape, x, weight, out);
  return out;
};

/** Several of one input, whose gradients add up in the reverse order. */
export function linears<W extends readonly Weight[]>(
  tape: Recorder,
  x: Tensor,
  weights: W,
): { readonly [I in keyof W]: Tensor } {
  const outs = tape.inner.linears(x, weights);
  weights.forEach((weight, i) => noteProduct(tape, x, weight, outs[i]));
  return outs;
}

function noteProduct(
  { grad, places, wants, note }: Recorder,
  x: Tensor,
  weight: Weight,
  out: Tensor,
): void {
  const into = places.ofWeight(weight, "product");
  const biasInto = weight.bias && places.ofVector(weight.bias);
  note({
    inputs: [x],
    outputs: [out],
    into: [into, biasInto],
    backward([d]) {
      if (into) grad.linearWeight(d, x, into);
      if (biasInto) grad.bias(d, biasInto);
      return [wants(x) ? grad.linearInput(d, weight) : undefined];
    },
  });
}
