/** The dense decoder-only transformer that Llama, Qwen2 and Qwen3 share: RMSNorm, grouped-query attention with RoPE,
 * SwiGLU (Touvron et al. 2302.13971, 2307.09288). Composes ops, computes nothing itself; knows no file format. */
import type { Batch } from "../batch.ts";
import type { KvCache } from "../kv_cache.ts";
import type { Attention, Ops, Rope } from "../ops.ts";
import type { Tensor, Weight } from "../tensor.ts";
import type { ModelConfig } from "./config.ts";
import type { LanguageModel, ParameterSource, Trace } from "./language_model.ts";

/** What tells the architectures apart. */
export interface TransformerKind {
  /** Which elements of a head rotate together in the stored q and k. */
  readonly pairing: Rope["pairing"];
  /** Whether the products for q, k and v have a bias. */
  readonly qkvBias: boolean;
  /** Whether each head of q and k is normalized before it rotates. */
  readonly qkNorm: boolean;
}

interface Block {
  readonly attentionNorm: Tensor;
  readonly q: Weight;
  readonly k: Weight;
  readonly v: Weight;
  /** Gains `[D]` of the norms over each head, where there are any. */
  readonly qNorm?: Tensor;
  readonly kNorm?: Tensor;
  readonly output: Weight;
  readonly mlpNorm: Tensor;
  readonly gate: Weight;
  readonly up: Weight;
  readonly down: Weight;
}

interface Parameters {
  readonly embedding: Weight;
  readonly blocks: readonly Block[];
  readonly norm: Tensor;
  readonly head: Weight;
  readonly rope: Rope;
}

/** Loads a model of a kind; `ops` makes the constants it needs besides the stored tensors. */
export async function loadTransformer(
  kind: TransformerKind,
  config: ModelConfig,
  source: ParameterSource,
  ops: Ops,
): Promise<LanguageModel> {
  const parameters = await loadParameters(kind, config, source, ops);
  return {
    config,
    head: parameters.head,
    forward: (ops, ids, batch, cache, trace) =>
      forward(ops, config, parameters, ids, batch, cache, trace),
    kvShape: (type) => ({
      layers: config.layers,
      kvHeads: config.kvHeads,
      keySize: config.headSize,
      valueSize: config.headSize,
      type,
    }),
  };
}

function forward(
  ops: Ops,
  config: ModelConfig,
  parameters: Parameters,
  ids: Int32Array,
  batch: Batch,
  cache: KvCache | null,
  trace?: Trace,
): Tensor {
  let x = ops.embed(ids, parameters.embedding);
  trace?.("embedding", x);
  parameters.blocks.forEach((block, layer) => {
    x = ops.checkpoint(() => {
      const attended = ops.add(
        x,
        attention(ops, config, block, parameters.rope, x, batch, cache, layer),
      );
      return ops.add(attended, mlp(ops, config, block, attended));
    });
    trace?.(`layer.${layer}`, x);
  });
  const out = ops.rmsNorm(x, parameters.norm, config.normEpsilon);
  trace?.("norm", out);
  return out;
}

/** Grouped-query attention: x `[rows, C]` -> `[rows, C]`, the residual not added. */
function attention(
  ops: Ops,
  config: ModelConfig,
  block: Block,
  rope: Rope,
  x: Tensor,
  batch: Batch,
  cache: KvCache | null,
  layer: number,
): Tensor {
  const { heads, kvHeads, headSize, normEpsilon } = config;
  const sizes = { keySize: headSize, valueSize: headSize, scale: headSize ** -0.5 };
  const shape: Attention = { layer, heads, kvHeads, ...sizes };
  const normed = ops.rmsNorm(x, block.attentionNorm, normEpsilon);
  const headNorm = (x: Tensor, gain?: Tensor) => gain ? ops.rmsNorm(x, gain, normEpsilon) : x;
  const [rawQ, rawK, v] = ops.linears(normed, [block.q, block.k, block.v]);
  const q = ops.rope(headNorm(rawQ, block.qNorm), batch, rope);
  const k = ops.rope(headNorm(rawK, block.kNorm), batch, rope);
  return ops.linear(ops.attend(q, k, v, batch, cache, shape), block.output);
}

/** SwiGLU feed-forward: x `[rows, C]` -> `[rows, C]`, the residual not added. */
function mlp(ops: Ops, config: ModelConfig, block: Block, x: Tensor): Tensor {
  const normed = ops.rmsNorm(x, block.mlpNorm, config.normEpsilon);
  const [gate, up] = ops.linears(normed, [block.gate, block.up]);
  return ops.linear(ops.swiglu(gate, up), block.down);
}

async function loadParameters(
  kind: TransformerKind,
  config: ModelConfig,
  source: ParameterSource,
  ops: Ops,
): Promise<Parameters> {
  const { width, vocabulary } = config;
  const embedding = await source.matrix("token_embd.weight", vocabulary, width);
  const blocks: Block[] = [];
  for (let layer = 0; layer < config.layers; layer++) {
    blocks.push(await loadBlock(kind, config, source, `blk.${layer}`));
  }
  const norm = await source.vector("output_norm.weight", width);
  const head = source.has("output.weight")
    ? await source.matrix("output.weight", vocabulary, width)
    : embedding;
  return { embedding, blocks, norm, head, rope: await loadRope(kind, config, source, ops) };
}

async function loadBlock(
  { qkvBias, qkNorm }: TransformerKind,
  config: ModelConfig,
  source: ParameterSource,
  name: string,
): Promise<Block> {
  const { width, heads, kvHeads, headSize, hidden } = config;
  const projection = async (which: string, rows: number): Promise<Weight> => {
    const weight = await source.matrix(`${name}.attn_${which}.weight`, rows, width);
    if (!qkvBias) return weight;
    return { ...weight, bias: await source.vector(`${name}.attn_${which}.bias`, rows) };
  };
  const headGain = (which: string) => source.vector(`${name}.attn_${which}.weight`, headSize);
  return {
    attentionNorm: await source.vector(`${name}.attn_norm.weight`, width),
    q: await projection("q", heads * headSize),
    k: await projection("k", kvHeads * headSize),
    v: await projection("v", kvHeads * headSize),
    qNorm: qkNorm ? await headGain("q_norm") : undefined,
    kNorm: qkNorm ? await headGain("k_norm") : undefined,
    output: await source.matrix(`${name}.attn_output.weight`, width, heads * headSize),
    mlpNorm: await source.vector(`${name}.ffn_norm.weight`, width),
    gate: await source.matrix(`${name}.ffn_gate.weight`, hidden, width),
    up: await source.matrix(`${name}.ffn_up.weight`, hidden, width),
    down: await source.matrix(`${name}.ffn_down.weight`, width, hidden),
  };
}

/** Llama 3's long-context scaling (2407.21783) comes as one divisor a pair, linear scaling as a number. */
async function loadRope(
  { pairing }: TransformerKind,
  config: ModelConfig,
  source: ParameterSource,
  ops: Ops,
): Promise<Rope> {
  const { headSize, rotarySize, ropeBase: base, ropeLinearFactor } = config;
  const rope: Rope = { headSize, rotarySize, base, pairing };
  const pairs = rotarySize / 2;
  if (source.has("rope_freqs.weight")) {
    return { ...rope, frequencyFactors: await source.vector("rope_freqs.weight", pairs) };
  }
  if (ropeLinearFactor === 1) return rope;
  return {
    ...rope,
    frequencyFactors: ops.tensor(new Float32Array(pairs).fill(ropeLinearFactor), [pairs]),
  };
}
