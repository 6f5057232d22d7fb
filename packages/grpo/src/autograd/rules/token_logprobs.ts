/** Back through the log-probabilities of given tokens: by the states and by the head, logits never whole. */
import type { Rule } from "../recorder.ts";

/** One backward pass gives both. */
export const tokenLogprobs: Rule<"tokenLogprobs"> = (tape, x, head, targets, temperature) => {
  const { inner, grad, places, note } = tape;
  const out = inner.tokenLogprobs(x, head, targets, temperature);
  const into = places.ofWeight(head, "product");
  note({
    inputs: [x],
    outputs: [out],
    into: [into],
    backward: ([d]) => [grad.tokenLogprobs(d, x, head, targets, temperature, into)],
  });
  return out;
};
