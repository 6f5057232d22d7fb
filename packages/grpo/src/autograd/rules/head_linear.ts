/** Back through a product for each head: by the input, by the weight and by its bias. */
import type { Rule } from "../recorder.ts";

/** As `linear`, head by head. */
export const headLinear: Rule<"headLinear"> = (tape, x, weight, heads) => {
  const { inner, grad, places, wants, note } = tape;
  const out = inner.headLinear(x, weight, heads);
  const into = places.ofWeight(weight, "product");
  const biasInto = weight.bias && places.ofVector(weight.bias);
  note({
    inputs: [x],
    outputs: [out],
    into: [into, biasInto],
    backward([d]) {
      if (into) grad.headLinearWeight(d, x, heads, into);
      if (biasInto) grad.bias(d, biasInto);
      return [wants(x) ? grad.headLinearInput(d, weight, heads) : undefined];
    },
  });
  return out;
};
