/** The decoder-only transformer that all architectures share: an embedding, blocks, a norm and a head, and a layer that
 * guesses a further token where the model has one. Knows no block's inside, nor a file format. */
import type { Tensor } from "../tensor.ts";
import { type Block, type BlockParts, loadBlock } from "./block.ts";
import type { ModelConfig } from "./config.ts";
import { kvShapeOf } from "./config/kv_shape.ts";
import type { LanguageModel, ParameterSource, Pass } from "./language_model.ts";
import { loadMultiToken } from "./multi_token.ts";

/** Loads a model whose blocks have the given parts. */
export async function loadTransformer(
  parts: BlockParts,
  config: ModelConfig,
  source: ParameterSource,
): Promise<LanguageModel> {
  const { width, vocabulary, layers, normEpsilon } = config;
  const embedding = await source.matrix("token_embd.weight", vocabulary, width);
  const blocks: Block[] = [];
  for (let layer = 0; layer < layers; layer++) {
    const place = { config, source, layer, name: `blk.${layer}` };
    blocks.push(await loadBlock(parts, place));
  }
  const norm = await source.vector("output_norm.weight", width);
  const head = source.has("output.weight")
    ? await source.matrix("output.weight", vocabulary, width)
    : embedding;
  const shared = { embedding, norm, head };
  const multiToken = await loadMultiToken(parts, config, source, shared);
  return {
    config,
    head,
    ...(multiToken ? { multiToken } : {}),
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
