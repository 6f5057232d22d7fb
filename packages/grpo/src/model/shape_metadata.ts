/** What a new model's file says of its sizes, under the keys that this runtime and llama.cpp read. Knows no tokenizer. */
import type { MetadataEntry } from "@aha/runtime/gguf";
import type { MixtureShape, ModelShape } from "./shape.ts";

type Pair = readonly [string, MetadataEntry];

const CONTEXT_TOKENS = 256;
const NORM_EPSILON = 1e-6;
const ROPE_BASE = 1e4;
/** `expert_gating_func` of sigmoids (llama.cpp, llama_expert_gating_func_type). */
const SIGMOID = 2;

/** The longest sequence of a model of that shape. */
export function contextTokensOf({ contextTokens = CONTEXT_TOKENS }: ModelShape): number {
  return contextTokens;
}

/** `general.*` and the architecture's own keys. */
export function shapeMetadata(shape: ModelShape, name: string, vocabulary: number): Pair[] {
  const { architecture } = shape;
  const sizes: Pair[] = [
    ["vocab_size", count(vocabulary)],
    ["context_length", count(contextTokensOf(shape))],
    ["embedding_length", count(shape.width)],
    ["feed_forward_length", count(shape.hidden)],
    ["attention.head_count", count(shape.heads)],
    ["attention.layer_norm_rms_epsilon", number(NORM_EPSILON)],
    ["rope.freq_base", number(ROPE_BASE)],
    ...(architecture === "llama"
      ? [
        ["block_count", count(shape.layers)],
        ["attention.head_count_kv", count(shape.heads)],
        ["rope.dimension_count", count(shape.width / shape.heads)],
      ] satisfies Pair[]
      : mixtureSizes(shape)),
  ];
  return [
    ["general.architecture", text(architecture)],
    ["general.type", text("model")],
    ["general.name", text(name)],
    ["general.license", text("apache-2.0")],
    ["general.file_type", count(0)],
    ...sizes.map(([key, value]): Pair => [`${architecture}.${key}`, value]),
  ];
}

function mixtureSizes({ layers, latent, mixture, multiToken }: MixtureShape): Pair[] {
  const { queryRank, rank, nopeSize, rotarySize, valueSize } = latent;
  return [
    ["block_count", count(layers + (multiToken ? 1 : 0))],
    // Of a latent all heads read the same: it is key and value of one head.
    ["attention.head_count_kv", count(1)],
    ["attention.q_lora_rank", count(queryRank)],
    ["attention.kv_lora_rank", count(rank)],
    ["attention.key_length", count(rank + rotarySize)],
    ["attention.value_length", count(rank)],
    ["attention.key_length_mla", count(nopeSize + rotarySize)],
    ["attention.value_length_mla", count(valueSize)],
    ["rope.dimension_count", count(rotarySize)],
    ["leading_dense_block_count", count(mixture.denseLayers)],
    ["expert_count", count(mixture.experts)],
    ["expert_used_count", count(mixture.used)],
    ["expert_shared_count", count(mixture.shared)],
    ["expert_feed_forward_length", count(mixture.hidden)],
    ["expert_gating_func", count(SIGMOID)],
    ["expert_weights_norm", { type: "bool", value: true }],
    ["expert_weights_scale", number(1)],
    ...(multiToken ? [["nextn_predict_layers", count(1)]] satisfies Pair[] : []),
  ];
}

function text(value: string): MetadataEntry {
  return { type: "string", value };
}

function count(value: number): MetadataEntry {
  return { type: "uint32", value };
}

function number(value: number): MetadataEntry {
  return { type: "float32", value };
}
