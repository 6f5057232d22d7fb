/** The tensors of a new model under GGUF's names, and what their numbers begin with. Draws no numbers. */
import type { DenseShape, MixtureShape, ModelShape } from "./shape.ts";

/** A tensor to be filled. */
export interface PlannedTensor {
  readonly name: string;
  /** Sizes, the fastest-moving first. */
  readonly dims: readonly number[];
  /** A constant, or normal numbers around 0. */
  readonly fill: { readonly value: number } | { readonly deviation: number };
}

const EMBEDDING_DEVIATION = 0.5;
/** Times 1 / sqrt(C): logits of a new model are small, its loss near log V. */
const HEAD_DEVIATION = 0.5;

/**
 * All tensors in file order. Matrices begin with N(0, 1 / K) for K inputs, those that add to the residual stream with
 * 1 / sqrt(2 L) of that for L layers (GPT-2, Radford et al. 2019, section 2.3); gains with 1, a router's bias with 0.
 */
export function plannedTensors(shape: ModelShape, vocabulary: number): PlannedTensor[] {
  const { width, layers } = shape;
  const table = [width, vocabulary];
  const block = (layer: number) =>
    shape.architecture === "llama" ? denseBlock(shape, layer) : mixtureBlock(shape, layer);
  return [
    normal("token_embd.weight", table, EMBEDDING_DEVIATION),
    ...Array.from({ length: layers }, (_, layer) => block(layer)).flat(),
    gain("output_norm.weight", width),
    normal("output.weight", table, HEAD_DEVIATION / Math.sqrt(width)),
    ...(shape.architecture === "deepseek2" && shape.multiToken ? multiTokenLayer(shape) : []),
  ];
}

function denseBlock(shape: DenseShape, layer: number): PlannedTensor[] {
  const { width, hidden, layers } = shape;
  const name = (part: string) => `blk.${layer}.${part}.weight`;
  return [
    gain(name("attn_norm"), width),
    matrix(name("attn_q"), [width, width]),
    matrix(name("attn_k"), [width, width]),
    matrix(name("attn_v"), [width, width]),
    residual(name("attn_output"), [width, width], layers),
    gain(name("ffn_norm"), width),
    ...feedForward(name, "", { width, layers }, hidden),
  ];
}

function mixtureBlock(shape: MixtureShape, layer: number): PlannedTensor[] {
  const { width, heads, hidden, layers, mixture } = shape;
  const { queryRank, rank, nopeSize, rotarySize, valueSize } = shape.latent;
  const name = (part: string) => `blk.${layer}.${part}.weight`;
  return [
    gain(name("attn_norm"), width),
    matrix(name("attn_q_a"), [width, queryRank]),
    gain(name("attn_q_a_norm"), queryRank),
    matrix(name("attn_q_b"), [queryRank, heads * (nopeSize + rotarySize)]),
    matrix(name("attn_kv_a_mqa"), [width, rank + rotarySize]),
    gain(name("attn_kv_a_norm"), rank),
    // Stored transposed: its inputs are the latents.
    normal(name("attn_k_b"), [nopeSize, rank, heads], deviationOf(rank)),
    matrix(name("attn_v_b"), [rank, valueSize, heads]),
    residual(name("attn_output"), [heads * valueSize, width], layers),
    gain(name("ffn_norm"), width),
    ...(layer < mixture.denseLayers
      ? feedForward(name, "", shape, hidden)
      : routedFeedForward(shape, layer)),
  ];
}

function routedFeedForward(shape: MixtureShape, layer: number): PlannedTensor[] {
  const { width, mixture: { experts, shared, hidden } } = shape;
  const name = (part: string) => `blk.${layer}.${part}.weight`;
  return [
    matrix(name("ffn_gate_inp"), [width, experts]),
    constant(`blk.${layer}.exp_probs_b.bias`, [experts], 0),
    ...feedForward(name, "_exps", shape, hidden, [experts]),
    ...(shared > 0 ? feedForward(name, "_shexp", shape, shared * hidden) : []),
  ];
}

/** DeepSeek-V3's layer after the others; embedding and head are the model's own. */
function multiTokenLayer(shape: MixtureShape): PlannedTensor[] {
  const { width, layers } = shape;
  const name = (part: string) => `blk.${layers}.nextn.${part}.weight`;
  return [
    ...mixtureBlock(shape, layers),
    matrix(name("eh_proj"), [2 * width, width]),
    gain(name("enorm"), width),
    gain(name("hnorm"), width),
    gain(name("shared_head_norm"), width),
  ];
}

function feedForward(
  name: (part: string) => string,
  kind: string,
  { width, layers }: Pick<ModelShape, "width" | "layers">,
  hidden: number,
  experts: readonly number[] = [],
): PlannedTensor[] {
  return [
    matrix(name(`ffn_gate${kind}`), [width, hidden, ...experts]),
    matrix(name(`ffn_up${kind}`), [width, hidden, ...experts]),
    residual(name(`ffn_down${kind}`), [hidden, width, ...experts], layers),
  ];
}

function deviationOf(inputs: number): number {
  return 1 / Math.sqrt(inputs);
}

function normal(name: string, dims: readonly number[], deviation: number): PlannedTensor {
  return { name, dims, fill: { deviation } };
}

function matrix(name: string, dims: readonly number[]): PlannedTensor {
  return normal(name, dims, deviationOf(dims[0]));
}

function residual(name: string, dims: readonly number[], layers: number): PlannedTensor {
  return normal(name, dims, deviationOf(dims[0]) / Math.sqrt(2 * layers));
}

function constant(name: string, dims: readonly number[], value: number): PlannedTensor {
  return { name, dims, fill: { value } };
}

function gain(name: string, size: number): PlannedTensor {
  return constant(name, [size], 1);
}
