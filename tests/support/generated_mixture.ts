/** A mixture of experts in DeepSeek-V2's shape, scaled down to 0.7 billion seeded random weights in Q4_0, with a part of a real vocabulary, for figures of speed. Its answers mean nothing. */
import {
  type ByteSink,
  type MetadataEntry,
  writeGguf,
} from "../../packages/runtime/src/gguf/mod.ts";
import { TokenType } from "../../packages/runtime/src/tokenizer/mod.ts";
import {
  flag,
  float,
  GeneratedTensors,
  integers,
  strings,
  text,
  whole,
} from "./generated_tensors.ts";
import { publishedVocabulary } from "./published_tokenizer.ts";

/** Half of DeepSeek-V2-Lite's width (2405.04434, appendix B), half of its experts; its latents and heads' sizes. */
const LAYERS = 12;
const WIDTH = 1024;
const HIDDEN = 5472;
const HEADS = 8;
const QUERY_RANK = 384; // llama.cpp reads queries that are not compressed with certain counts of layers only
const RANK = 512;
const ROTARY_SIZE = 64;
const NOPE_SIZE = 128;
const VALUE_SIZE = 128;
const EXPERTS = 32;
const USED = 6;
const SHARED = 2;
const EXPERT_HIDDEN = 512;
const DENSE_LAYERS = 1;
const CONTEXT_TOKENS = 32_768;
/** The first tokens of DeepSeek-V3's vocabulary. A whole one would make the head half of what a token reads. */
const VOCABULARY = 32_768;
/** Embeddings are larger than what layers add to them, so that tokens stay apart and go to many experts. */
const EMBEDDING_TIMES = 64;
/** Router weights up to this make scores that differ by some units. */
const ROUTER_LIMIT = 0.1;

/** Writes the file; the same seed gives the same bytes. Gives its size. */
export async function writeGeneratedMixture(sink: ByteSink, seed: number): Promise<number> {
  const { all: tensors } = generatedTensors(seed);
  return await writeGguf(sink, { metadata: await mixtureMetadata(), tensors });
}

async function mixtureMetadata(): Promise<[string, MetadataEntry][]> {
  return [
    ["general.architecture", text("deepseek2")],
    ["general.name", text("generated mixture")],
    ["general.file_type", whole(2)], // Q4_0 (llama.h, llama_ftype)
    ["deepseek2.block_count", whole(LAYERS)],
    ["deepseek2.context_length", whole(CONTEXT_TOKENS)],
    ["deepseek2.embedding_length", whole(WIDTH)],
    ["deepseek2.feed_forward_length", whole(HIDDEN)],
    ["deepseek2.vocab_size", whole(VOCABULARY)],
    ["deepseek2.attention.head_count", whole(HEADS)],
    ["deepseek2.attention.head_count_kv", whole(1)],
    ["deepseek2.attention.layer_norm_rms_epsilon", float(1e-6)],
    ["deepseek2.attention.q_lora_rank", whole(QUERY_RANK)],
    ["deepseek2.attention.kv_lora_rank", whole(RANK)],
    ["deepseek2.attention.key_length", whole(RANK + ROTARY_SIZE)],
    ["deepseek2.attention.value_length", whole(RANK)],
    ["deepseek2.attention.key_length_mla", whole(NOPE_SIZE + ROTARY_SIZE)],
    ["deepseek2.attention.value_length_mla", whole(VALUE_SIZE)],
    ["deepseek2.rope.dimension_count", whole(ROTARY_SIZE)],
    ["deepseek2.rope.freq_base", float(1e4)],
    ["deepseek2.leading_dense_block_count", whole(DENSE_LAYERS)],
    ["deepseek2.expert_count", whole(EXPERTS)],
    ["deepseek2.expert_used_count", whole(USED)],
    ["deepseek2.expert_shared_count", whole(SHARED)],
    ["deepseek2.expert_feed_forward_length", whole(EXPERT_HIDDEN)],
    ["deepseek2.expert_gating_func", whole(1)], // softmax
    ["deepseek2.expert_weights_norm", flag(false)],
    ["deepseek2.expert_weights_scale", float(1)],
    ...await vocabularyMetadata(),
  ];
}

/** The first tokens, and the merges that make one of them. */
async function vocabularyMetadata(): Promise<[string, MetadataEntry][]> {
  const { tokens, merges, types } = await publishedVocabulary("deepseek_v3");
  const kept = Array.from({ length: VOCABULARY }, (_, id) => tokens.at(id));
  const known = new Set(kept);
  const rules = Array.from({ length: merges.length }, (_, rank) => merges.at(rank))
    .filter((rule) => known.has(rule.replace(" ", "")));
  const kinds = Int32Array.from(kept, (_, id) => types?.[id] ?? TokenType.normal);
  return [
    ["tokenizer.ggml.model", text("gpt2")],
    ["tokenizer.ggml.pre", text("deepseek-v3")],
    ["tokenizer.ggml.tokens", strings(kept)],
    ["tokenizer.ggml.token_type", integers(kinds)],
    ["tokenizer.ggml.merges", strings(rules)],
    ["tokenizer.ggml.bos_token_id", whole(0)],
    ["tokenizer.ggml.eos_token_id", whole(1)],
    ["tokenizer.ggml.add_bos_token", flag(false)],
  ];
}

/** Q4_0 throughout but for the router, which llama.cpp does not quantize, and the head, which it keeps in Q6_K. */
function generatedTensors(seed: number): GeneratedTensors {
  const tensors = new GeneratedTensors(seed);
  tensors.matrix("token_embd.weight", [WIDTH, VOCABULARY], "Q4_0", EMBEDDING_TIMES);
  tensors.matrix("output.weight", [WIDTH, VOCABULARY], "Q6_K");
  tensors.vector("output_norm.weight", WIDTH, 1);
  for (let layer = 0; layer < LAYERS; layer++) {
    const name = (part: string): string => `blk.${layer}.${part}.weight`;
    const matrix = (part: string, ...dims: readonly number[]): void =>
      tensors.matrix(name(part), dims, "Q4_0");
    tensors.vector(name("attn_norm"), WIDTH, 1);
    matrix("attn_q_a", WIDTH, QUERY_RANK);
    tensors.vector(name("attn_q_a_norm"), QUERY_RANK, 1);
    matrix("attn_q_b", QUERY_RANK, HEADS * (NOPE_SIZE + ROTARY_SIZE));
    matrix("attn_kv_a_mqa", WIDTH, RANK + ROTARY_SIZE);
    tensors.vector(name("attn_kv_a_norm"), RANK, 1);
    matrix("attn_k_b", NOPE_SIZE, RANK, HEADS);
    matrix("attn_v_b", RANK, VALUE_SIZE, HEADS);
    matrix("attn_output", HEADS * VALUE_SIZE, WIDTH);
    tensors.vector(name("ffn_norm"), WIDTH, 1);
    if (layer < DENSE_LAYERS) {
      addFeedForward(matrix, "", HIDDEN);
      continue;
    }
    tensors.floats(name("ffn_gate_inp"), [WIDTH, EXPERTS], ROUTER_LIMIT);
    addFeedForward(matrix, "_exps", EXPERT_HIDDEN, [EXPERTS]);
    addFeedForward(matrix, "_shexp", SHARED * EXPERT_HIDDEN);
  }
  return tensors;
}

function addFeedForward(
  matrix: (part: string, ...dims: readonly number[]) => void,
  kind: string,
  hidden: number,
  experts: readonly number[] = [],
): void {
  matrix(`ffn_gate${kind}`, WIDTH, hidden, ...experts);
  matrix(`ffn_up${kind}`, WIDTH, hidden, ...experts);
  matrix(`ffn_down${kind}`, hidden, WIDTH, ...experts);
}
