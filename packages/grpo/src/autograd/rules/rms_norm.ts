/** Back through RMSNorm: by the input and by the gain. */
import type { Rule } from "../recorder.ts";

/** One backward pass gives both. */
export const rmsNorm: Rule<"rmsNorm"> = ({ inner, grad, places, note }, x, gain, epsilon) => {
  const out = inner.rmsNorm(x, gain, epsilon);
  const into = places.ofVector(gain);
  note({
    inputs: [x],
    outputs: [out],
    into: [into],
    backward: ([d]) => [grad.rmsNorm(d, x, gain, epsilon, into)],
  });
  return out;
};
