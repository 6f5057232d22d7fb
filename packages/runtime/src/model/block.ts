/** One block of a transformer: attention and feed-forward, each after an RMSNorm (Touvron et al. 2302.13971), loading and
 * forward. Knows neither part's inside. */
import type { Tensor } from "../tensor.ts";
import type { ModelConfig } from "./config.ts";
import type { Layer, ParameterSource, Pass } from "./language_model.ts";

/** Where a layer is loaded from: its number and the beginning of its tensors' names. */
export interface Place {
  readonly config: ModelConfig;
  readonly source: ParameterSource;
  readonly layer: number;
  /** For example `blk.3`. */
  readonly name: string;
}

/** Loads one part of a block. */
export type LoadLayer = (place: Place) => Promise<Layer>;

/** What tells the architectures apart. */
export interface BlockParts {
  readonly attention: LoadLayer;
  readonly feedForward: LoadLayer;
}

/** A block: x `[rows, C]` -> `[rows, C]`, residuals added. */
export type Block = (pass: Pass, x: Tensor) => Tensor;

/** Loads a block whose parts are of the given kinds. */
export async function loadBlock(parts: BlockParts, place: Place): Promise<Block> {
  const { source, name, config: { width, normEpsilon } } = place;
  const attentionNorm = await source.vector(`${name}.attn_norm.weight`, width);
  const attention = await parts.attention(place);
  const feedForwardNorm = await source.vector(`${name}.ffn_norm.weight`, width);
  const feedForward = await parts.feedForward(place);
  const add = (pass: Pass, x: Tensor, gain: Tensor, layer: Layer): Tensor =>
    pass.ops.add(x, layer(pass, pass.ops.rmsNorm(x, gain, normEpsilon)));
  return (pass, x) => {
    const attended = add(pass, x, attentionNorm, attention);
    return add(pass, attended, feedForwardNorm, feedForward);
  };
}
