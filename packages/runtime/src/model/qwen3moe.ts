/** The Qwen3 architecture (2505.09388, section 2), the mixtures of experts. Says what is its own. */
import type { LoadArchitecture } from "./language_model.ts";
import { groupedAttention } from "./layers/grouped_attention.ts";
import { mixtureFeedForward } from "./layers/mixture.ts";
import { loadRope } from "./layers/rope.ts";
import { loadTransformer } from "./transformer.ts";

/** Qwen3's attention; every feed-forward part a mixture with normalized weights and no shared expert. */
export const loadQwen3Moe: LoadArchitecture = async (config, source, ops) => {
  const rope = await loadRope("halves", config, source, ops);
  const attention = groupedAttention({ qkvBias: false, qkNorm: "heads" }, rope);
  return await loadTransformer({ attention, feedForward: mixtureFeedForward }, config, source);
};
