/** The Qwen2 architecture (2407.10671, section 2.2), also Qwen2.5's and most distills of R1. Says what is its own. */
import type { LoadArchitecture } from "./language_model.ts";
import { loadTransformer } from "./transformer.ts";

/** A bias on q, k and v; each half of a head rotates with the other. */
export const loadQwen2: LoadArchitecture = (config, source, ops) =>
  loadTransformer({ pairing: "halves", qkvBias: true, qkNorm: false }, config, source, ops);
