/** Multi-token prediction (DeepSeek-V3 2412.19437, section 2.2), loading and forward. Computes nothing itself, drafts nothing. */
import type { Tensor, Weight } from "../tensor.ts";
import { type BlockParts, loadBlock } from "./block.ts";
import type { ModelConfig } from "./config.ts";
import type { MultiToken, ParameterSource } from "./language_model.ts";

/** What the layer shares with the model where the file has no copies for it. */
export interface SharedParts {
  readonly embedding: Weight;
  readonly norm: Tensor;
  readonly head: Weight;
}

/**
 * The layer after the model's own, if there is one: h' = block(W [RMSNorm(Emb(t + 1)) | RMSNorm(h)]), after equations 21
 * to 23. The published weights decide what the paper writes otherwise or leaves open: equation 21 has the state first, they
 * have the embedding first, and h is the state after the model's last norm, as vLLM (deepseek_mtp.py, deepseek_v2.py) and
 * SGLang (deepseek_nextn.py) run them. Where the layer goes on from its own state, that too is taken after its norm, as in
 * SGLang; vLLM takes it before, and reads zeros for the embedding at position 0.
 * @throws {ModelError} naming a tensor that is missing
 */
export async function loadMultiToken(
  parts: BlockParts,
  config: ModelConfig,
  source: ParameterSource,
  shared: SharedParts,
): Promise<MultiToken | undefined> {
  const { layers: layer, nextLayers, width, vocabulary, normEpsilon } = config;
  if (!nextLayers) return undefined;
  const name = `blk.${layer}`;
  const own = (part: string) => `${name}.nextn.${part}.weight`;
  const project = await source.matrix(own("eh_proj"), width, 2 * width);
  const idNorm = await source.vector(own("enorm"), width);
  const stateNorm = await source.vector(own("hnorm"), width);
  const matrix = (part: string, otherwise: Weight) =>
    source.has(own(part)) ? source.matrix(own(part), vocabulary, width) : otherwise;
  const embedding = await matrix("embed_tokens", shared.embedding);
  const head = await matrix("shared_head_head", shared.head);
  const norm = source.has(own("shared_head_norm"))
    ? await source.vector(own("shared_head_norm"), width)
    : shared.norm;
  const block = await loadBlock(parts, { config, source, layer, name });
  return {
    head,
    cost: guessCost(config),
    forward(pass, states, ids) {
      const { ops } = pass;
      const halves = [
        ops.rmsNorm(ops.embed(ids, embedding), idNorm, normEpsilon),
        ops.rmsNorm(states, stateNorm, normEpsilon),
      ];
      const joined = ops.joinHeads(halves, 1, [width, width]);
      const out = ops.checkpoint(() => block(pass, ops.linear(joined, project)));
      return ops.rmsNorm(out, norm, normEpsilon);
    },
  };
}

/**
 * Time of a row of the layer against one of the model, by the weights that a row reads: a block, the projection and a head,
 * against all blocks and a head.
 */
export function guessCost(config: ModelConfig): number {
  const { layers, width, vocabulary } = config;
  const head = vocabulary * width;
  const block = attentionWeights(config) + feedForwardWeights(config);
  return (block + 2 * width * width + head) / (layers * block + head);
}

function attentionWeights({ width, heads, kvHeads, headSize, latent }: ModelConfig): number {
  if (!latent) return 2 * width * headSize * (heads + kvHeads);
  const { queryRank, rank, rotarySize, nopeSize, valueSize } = latent;
  const queries = queryRank === 0
    ? width * heads * headSize
    : queryRank * (width + heads * headSize);
  return queries + width * (rank + rotarySize) + heads * (nopeSize + valueSize) * rank +
    heads * valueSize * width;
}

function feedForwardWeights({ width, hidden, mixture }: ModelConfig): number {
  if (!mixture) return 3 * width * hidden;
  return width * (mixture.experts + 3 * mixture.hidden * (mixture.used + mixture.shared));
}
