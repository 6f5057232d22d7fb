/** The OLMoE architecture (Muennighoff et al. 2409.02060, section 2). Says what is its own. */
import type { LoadArchitecture } from "./language_model.ts";
import { groupedAttention } from "./layers/grouped_attention.ts";
import { mixtureFeedForward } from "./layers/mixture.ts";
import { loadRope } from "./layers/rope.ts";
import { loadTransformer } from "./transformer.ts";

/** A norm over whole rows of q and k; every feed-forward part a mixture whose weights are not normalized. */
export const loadOlmoe: LoadArchitecture = async (config, source, ops) => {
  const rope = await loadRope("halves", config, source, ops);
  const attention = groupedAttention({ qkvBias: false, qkNorm: "rows" }, rope);
  return await loadTransformer({ attention, feedForward: mixtureFeedForward }, config, source);
};
