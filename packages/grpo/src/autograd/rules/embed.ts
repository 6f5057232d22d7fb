/** Back through the embedding: rows of the gradient are added to the tokens' rows of the table. */
import type { Rule } from "../recorder.ts";

/** Its ids have no gradient. */
export const embed: Rule<"embed"> = ({ inner, grad, places, note }, ids, table) => {
  const out = inner.embed(ids, table);
  const into = places.ofWeight(table, "table");
  note({
    inputs: [],
    outputs: [out],
    into: [into],
    backward([d]) {
      if (into) grad.embed(d, ids, into);
      return [];
    },
  });
  return out;
};
