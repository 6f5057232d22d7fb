/** DeepSeek's architecture from V2 on (2405.04434; V3 2412.19437, R1 2501.12948, also Moonlight and other models of this
 * shape). Says what is its own. */
import type { LoadArchitecture } from "./language_model.ts";
import { latentAttention } from "./layers/latent_attention.ts";
import { mixtureFeedForward } from "./layers/mixture.ts";
import { loadRope } from "./layers/rope.ts";
import { loadTransformer } from "./transformer.ts";

/** Multi-head latent attention; dense layers first, then mixtures with shared experts, also where a layer guesses. */
export const loadDeepseek2: LoadArchitecture = async (config, source, ops) => {
  const attention = latentAttention(await loadRope("interleaved", config, source, ops));
  return await loadTransformer({ attention, feedForward: mixtureFeedForward }, config, source);
};
