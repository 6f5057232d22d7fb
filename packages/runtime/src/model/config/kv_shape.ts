/** The sizes of a model's key/value cache. Allocates nothing. */
import type { KvShape, KvType } from "../../kv_cache.ts";
import type { ModelConfig } from "../config.ts";

/**
 * What attention caches of each token: keys and values, or one latent whose values stand in its keys. A layer that guesses
 * a further token comes after the others; it makes its keys out of a token's state and the token after it.
 */
export function kvShapeOf(config: ModelConfig, type: KvType): KvShape {
  const { nextLayers = 0, heads, kvHeads, headSize, latent } = config;
  const layers = config.layers + nextLayers;
  const whole = { layers, ...(nextLayers > 0 ? { lookahead: nextLayers } : {}), type };
  if (!latent) return { ...whole, kvHeads, keySize: headSize, valueSize: headSize };
  const { form, rank, rotarySize, valueSize } = latent;
  return form === "absorbed"
    ? { ...whole, kvHeads: 1, keySize: rank + rotarySize, valueSize: 0 }
    : { ...whole, kvHeads: heads, keySize: headSize, valueSize };
}
