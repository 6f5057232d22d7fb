/** Back through rotary positions: rotated back. */
import type { Rule } from "../recorder.ts";

/** Its frequencies are constants. */
export const rope: Rule<"rope"> = ({ inner, grad, note }, x, batch, rope) => {
  const out = inner.rope(x, batch, rope);
  note({
    inputs: [x],
    outputs: [out],
    into: [],
    backward: ([d]) => [grad.rope(d, batch, rope)],
  });
  return out;
};
