/** The decoder-only transformer that all architectures share: an embedding, blocks of attention and feed-forward with
 * RMSNorm before each (Touvron et al. 2302.13971), a norm and a head. Knows neither part's inside, nor a file format. */
import type { Tensor } from "../tensor.ts";
import type { ModelConfig } from "./config.ts";
import { kvShapeOf } from "./config/kv_shape.ts";
import type { LanguageModel, Layer, ParameterSource, Pass } from "./language_model.ts";

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
type Block = (pass: Pass, x: Tensor) => Tensor;

/** Loads a model whose blocks have the given parts. */
export async function loadTransformer(
  { attention, feedForward }: BlockParts,
  config: ModelConfig,
  source: ParameterSource,
): Promise<LanguageModel> {
  const { width, vocabulary, layers, normEpsilon } = config;
  const embedding = await source.matrix("token_embd.weight", vocabulary, width);
  const blocks: Block[] = [];
  for (let layer = 0; layer < layers; layer++) {
    const place = { config, source, layer, name: `blk.${layer}` };
    blocks.push(await loadBlock({ attention, feedForward }, place));
  }
  const norm = await source.vector("output_norm.weight", width);
  const head = source.has("output.weight")
    ? await source.matrix("output.weight", vocabulary, width)
    : embedding;
  return {
    config,
    head,
    forward(ops, ids, batch, cache, trace) {
      const embedded = ops.embed(ids, embedding);
      trace?.hidden?.("embedding", embedded);
      const x = runBlocks(blocks, { ops, batch, cache, trace }, embedded);
      const out = ops.rmsNorm(x, norm, normEpsilon);
      trace?.hidden?.("norm", out);
      return out;
    },
    kvShape: (type) => kvShapeOf(config, type),
  };
}

function runBlocks(blocks: readonly Block[], pass: Pass, embedded: Tensor): Tensor {
  return blocks.reduce((x, block, layer) => {
    const out = pass.ops.checkpoint(() => block(pass, x));
    pass.trace?.hidden?.(`layer.${layer}`, out);
    return out;
  }, embedded);
}

async function loadBlock(parts: BlockParts, place: Place): Promise<Block> {
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
