/** Back through the choice of rows: each to where it was. */
import type { Rule } from "../recorder.ts";

/** Rows that were taken several times get the sum. */
export const selectRows: Rule<"selectRows"> = ({ inner, grad, note }, x, indices) => {
  const out = inner.selectRows(x, indices);
  note({
    inputs: [x],
    outputs: [out],
    into: [],
    backward: ([d]) => [grad.selectRows(d, indices, x.shape[0])],
  });
  return out;
};
