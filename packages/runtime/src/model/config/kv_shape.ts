/** The sizes of a model's key/value cache. Allocates nothing. */
import type { KvShape, KvType } from "../../kv_cache.ts";
import type { ModelConfig } from "../config.ts";

/** What attention caches of each token: keys and values, or one latent whose values stand in its keys. */
export function kvShapeOf(config: ModelConfig, type: KvType): KvShape {
  const { layers, heads, kvHeads, headSize, latent } = config;
  if (!latent) return { layers, kvHeads, keySize: headSize, valueSize: headSize, type };
  const { form, rank, rotarySize, valueSize } = latent;
  return form === "absorbed"
    ? { layers, kvHeads: 1, keySize: rank + rotarySize, valueSize: 0, type }
    : { layers, kvHeads: heads, keySize: headSize, valueSize, type };
}
