/** The Qwen3 architecture (2505.09388, section 2), the dense models. Says what is its own. */
import type { LoadArchitecture } from "./language_model.ts";
import { denseFeedForward } from "./layers/feed_forward.ts";
import { groupedAttention } from "./layers/grouped_attention.ts";
import { loadRope } from "./layers/rope.ts";
import { loadTransformer } from "./transformer.ts";

/** No bias, a norm over each head of q and k, a head size that need not be width / heads. */
export const loadQwen3: LoadArchitecture = async (config, source, ops) => {
  const rope = await loadRope("halves", config, source, ops);
  const attention = groupedAttention({ qkvBias: false, qkNorm: "heads" }, rope);
  return await loadTransformer({ attention, feedForward: denseFeedForward }, config, source);
};
