/** Back through attention over a segment's own keys, grouped and latent. Knows no cache. */
import type { KvCache } from "@aha/runtime/training";
import type { Rule } from "../recorder.ts";

/** By queries, keys and values. */
export const attend: Rule<"attend"> = ({ inner, grad, note }, q, k, v, batch, cache, shape) => {
  refuseCache(cache);
  const out = inner.attend(q, k, v, batch, null, shape);
  note({
    inputs: [q, k, v],
    outputs: [out],
    into: [],
    backward([d]) {
      const by = grad.attend(d, q, k, v, batch, shape);
      return [by.q, by.k, by.v];
    },
  });
  return out;
};

/** By queries and latents. */
export const latentAttend: Rule<"latentAttend"> = (tape, q, latent, batch, cache, shape) => {
  const { inner, grad, note } = tape;
  refuseCache(cache);
  const out = inner.latentAttend(q, latent, batch, null, shape);
  note({
    inputs: [q, latent],
    outputs: [out],
    into: [],
    backward([d]) {
      const by = grad.latentAttend(d, q, latent, batch, shape);
      return [by.q, by.latent];
    },
  });
  return out;
};

function refuseCache(cache: KvCache | null): void {
  if (cache === null) return;
  throw new TypeError("A tape attends over a segment's own keys, it was given a cache");
}
