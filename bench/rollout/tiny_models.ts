/** The shapes that rollouts are timed with, as files of seeded random weights: under a million parameters, 64 tokens. Their answers mean nothing. */
import { type MetadataEntry, writeGguf } from "../../packages/runtime/src/gguf/mod.ts";
import {
  flag,
  float,
  GeneratedTensors,
  integers,
  strings,
  text,
  whole,
} from "../../tests/support/generated_tensors.ts";
import { memorySink } from "../../tests/support/memory_sink.ts";

/** Width 128, 4 layers, 4 heads; `nano` is dense, `nano_v3` has latent attention, and mixtures after its first layer. */
export const TINY_MODELS = ["nano", "nano_v3"] as const;
export type TinyModel = typeof TINY_MODELS[number];

export const VOCABULARY = 64;
const [WIDTH, LAYERS, HEADS, HIDDEN] = [128, 4, 4, 352];
const [QUERY_RANK, RANK, NOPE, ROTARY, VALUE] = [48, 32, 16, 16, 32];
const [EXPERTS, USED, SHARED, EXPERT_HIDDEN, DENSE_LAYERS] = [8, 2, 1, 112, 1];

/** A file of the model. */
export async function tinyModel(model: TinyModel): Promise<Blob> {
  const tensors = new GeneratedTensors(7);
  const isMixture = model === "nano_v3";
  matrix(tensors, "token_embd", WIDTH, VOCABULARY);
  matrix(tensors, "output", WIDTH, VOCABULARY);
  tensors.vector("output_norm.weight", WIDTH, 1);
  for (let layer = 0; layer < LAYERS; layer++) {
    const name = `blk.${layer}`;
    tensors.vector(`${name}.attn_norm.weight`, WIDTH, 1);
    tensors.vector(`${name}.ffn_norm.weight`, WIDTH, 1);
    if (isMixture) addLatentAttention(tensors, name);
    else ["q", "k", "v"].forEach((part) => matrix(tensors, `${name}.attn_${part}`, WIDTH, WIDTH));
    matrix(tensors, `${name}.attn_output`, isMixture ? HEADS * VALUE : WIDTH, WIDTH);
    if (isMixture && layer >= DENSE_LAYERS) addMixture(tensors, name);
    else addFeedForward(tensors, name, "", HIDDEN);
  }
  const sink = memorySink();
  const metadata = isMixture ? mixtureMetadata() : denseMetadata();
  await writeGguf(sink, { metadata: [...metadata, ...vocabulary()], tensors: tensors.all });
  return sink.blob();
}

/** Weights of variance 1 / cols. */
function matrix(tensors: GeneratedTensors, name: string, cols: number, ...rest: number[]): void {
  tensors.floats(`${name}.weight`, [cols, ...rest], Math.sqrt(3 / cols));
}

function addLatentAttention(tensors: GeneratedTensors, name: string): void {
  matrix(tensors, `${name}.attn_q_a`, WIDTH, QUERY_RANK);
  tensors.vector(`${name}.attn_q_a_norm.weight`, QUERY_RANK, 1);
  matrix(tensors, `${name}.attn_q_b`, QUERY_RANK, HEADS * (NOPE + ROTARY));
  matrix(tensors, `${name}.attn_kv_a_mqa`, WIDTH, RANK + ROTARY);
  tensors.vector(`${name}.attn_kv_a_norm.weight`, RANK, 1);
  matrix(tensors, `${name}.attn_k_b`, NOPE, RANK, HEADS);
  matrix(tensors, `${name}.attn_v_b`, RANK, VALUE, HEADS);
}

function addFeedForward(
  tensors: GeneratedTensors,
  name: string,
  kind: string,
  hidden: number,
  ...experts: number[]
): void {
  matrix(tensors, `${name}.ffn_gate${kind}`, WIDTH, hidden, ...experts);
  matrix(tensors, `${name}.ffn_up${kind}`, WIDTH, hidden, ...experts);
  matrix(tensors, `${name}.ffn_down${kind}`, hidden, WIDTH, ...experts);
}

function addMixture(tensors: GeneratedTensors, name: string): void {
  matrix(tensors, `${name}.ffn_gate_inp`, WIDTH, EXPERTS);
  tensors.vector(`${name}.exp_probs_b.bias`, EXPERTS, 0);
  addFeedForward(tensors, name, "_exps", EXPERT_HIDDEN, EXPERTS);
  addFeedForward(tensors, name, "_shexp", SHARED * EXPERT_HIDDEN);
}

function denseMetadata(): [string, MetadataEntry][] {
  return sizes("llama", [["attention.head_count_kv", whole(HEADS)]]);
}

function mixtureMetadata(): [string, MetadataEntry][] {
  return sizes("deepseek2", [
    ["attention.head_count_kv", whole(1)],
    ["attention.q_lora_rank", whole(QUERY_RANK)],
    ["attention.kv_lora_rank", whole(RANK)],
    ["attention.key_length", whole(RANK + ROTARY)],
    ["attention.value_length", whole(RANK)],
    ["attention.key_length_mla", whole(NOPE + ROTARY)],
    ["attention.value_length_mla", whole(VALUE)],
    ["rope.dimension_count", whole(ROTARY)],
    ["leading_dense_block_count", whole(DENSE_LAYERS)],
    ["expert_count", whole(EXPERTS)],
    ["expert_used_count", whole(USED)],
    ["expert_shared_count", whole(SHARED)],
    ["expert_feed_forward_length", whole(EXPERT_HIDDEN)],
    ["expert_gating_func", whole(2)], // sigmoid
    ["expert_weights_norm", flag(true)],
    ["expert_weights_scale", float(1)],
  ]);
}

function sizes(
  architecture: string,
  own: readonly [string, MetadataEntry][],
): [string, MetadataEntry][] {
  const all: [string, MetadataEntry][] = [
    ["block_count", whole(LAYERS)],
    ["context_length", whole(4096)],
    ["embedding_length", whole(WIDTH)],
    ["feed_forward_length", whole(HIDDEN)],
    ["vocab_size", whole(VOCABULARY)],
    ["attention.head_count", whole(HEADS)],
    ["attention.layer_norm_rms_epsilon", float(1e-6)],
    ["rope.freq_base", float(1e4)],
    ...own,
  ];
  return [
    ["general.architecture", text(architecture)],
    ...all.map(([key, entry]): [string, MetadataEntry] => [`${architecture}.${key}`, entry]),
  ];
}

/** Characters, and a pair of them, since a vocabulary has merges. */
function vocabulary(): [string, MetadataEntry][] {
  const tokens = Array.from(
    { length: VOCABULARY },
    (_, id) => id === 0 ? "ab" : String.fromCharCode(0x40 + id),
  );
  return [
    ["tokenizer.ggml.model", text("gpt2")],
    ["tokenizer.ggml.pre", text("gpt-2")],
    ["tokenizer.ggml.tokens", strings(tokens)],
    ["tokenizer.ggml.token_type", integers(new Int32Array(VOCABULARY).fill(1))],
    ["tokenizer.ggml.merges", strings(["a b"])],
    ["tokenizer.ggml.eos_token_id", whole(VOCABULARY - 1)],
    ["tokenizer.ggml.add_bos_token", flag(false)],
  ];
}
