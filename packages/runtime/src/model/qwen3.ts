/** The Qwen3 architecture (2505.09388, section 2), the dense models. Says what is its own. */
import type { LoadArchitecture } from "./language_model.ts";
import { loadTransformer } from "./transformer.ts";

/** No bias, a norm over each head of q and k, a head size that need not be width / heads. */
export const loadQwen3: LoadArchitecture = (config, source, ops) =>
  loadTransformer({ pairing: "halves", qkvBias: false, qkNorm: true }, config, source, ops);
