/** The Qwen2 architecture (2407.10671, section 2.2), also Qwen2.5's and most distills of R1. Says what is its own. */
import type { LoadArchitecture } from "./language_model.ts";
import { denseFeedForward } from "./layers/feed_forward.ts";
import { groupedAttention } from "./layers/grouped_attention.ts";
import { loadRope } from "./layers/rope.ts";
import { loadTransformer } from "./transformer.ts";

/** A bias on q, k and v; each half of a head rotates with the other. */
export const loadQwen2: LoadArchitecture = async (config, source, ops) => {
  const rope = await loadRope("halves", config, source, ops);
  const attention = groupedAttention({ qkvBias: true, qkNorm: "none" }, rope);
  return await loadTransformer({ attention, feedForward: denseFeedForward }, config, source);
};
