/** The Llama architecture (Touvron et al. 2302.13971), also SmolLM2's and the Llama distills of R1. Says what is its own. */
import type { LoadArchitecture } from "./language_model.ts";
import { denseFeedForward } from "./layers/feed_forward.ts";
import { groupedAttention } from "./layers/grouped_attention.ts";
import { loadRope } from "./layers/rope.ts";
import { loadTransformer } from "./transformer.ts";

/** GGUF stores Llama's q and k reordered, so that neighbouring elements rotate together. */
export const loadLlama: LoadArchitecture = async (config, source, ops) => {
  const rope = await loadRope("interleaved", config, source, ops);
  const attention = groupedAttention({ qkvBias: false, qkNorm: "none" }, rope);
  return await loadTransformer({ attention, feedForward: denseFeedForward }, config, source);
};
