/** Back through cutting and joining heads, which are each other's inverse. */
import type { Rule } from "../recorder.ts";

/** Gradients of the parts are joined. */
export const splitHeads: Rule<"splitHeads"> = ({ inner, note }, x, heads, sizes) => {
  const parts = inner.splitHeads(x, heads, sizes);
  note({
    inputs: [x],
    outputs: parts,
    into: [],
    backward: (ds) => [inner.joinHeads(ds, heads, sizes)],
  });
  return parts;
};

/** The gradient is cut; of a part that all heads share the heads' gradients are summed. */
export const joinHeads: Rule<"joinHeads"> = ({ inner, grad, wants, note }, parts, heads, sizes) => {
  const out = inner.joinHeads(parts, heads, sizes);
  note({
    inputs: parts,
    outputs: [out],
    into: [],
    backward([d]) {
      return inner.splitHeads(d, heads, sizes).map((own, i) => {
        if (!wants(parts[i])) return undefined;
        const isShared = heads > 1 && parts[i].shape[1] === sizes[i];
        return isShared ? grad.sumHeads(own, heads) : own;
      });
    },
  });
  return out;
};
