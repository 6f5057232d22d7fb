/** The Llama architecture (Touvron et al. 2302.13971), also SmolLM2's and the Llama distills of R1. Says what is its own. */
import type { LoadArchitecture } from "./language_model.ts";
import { loadTransformer } from "./transformer.ts";

/** GGUF stores Llama's q and k reordered, so that neighbouring elements rotate together. */
export const loadLlama: LoadArchitecture = (config, source, ops) =>
  loadTransformer({ pairing: "interleaved", qkvBias: false, qkNorm: false }, config, source, ops);
