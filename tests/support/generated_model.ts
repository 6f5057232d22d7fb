/** A Qwen2-shaped Q4_K_M file of 0.5 billion seeded random weights with a real vocabulary, for figures of memory and speed. Its answers mean nothing. */
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

/** Sizes of Qwen2.5-0.5B (its published config.json). */
const LAYERS = 24;
const WIDTH = 896;
const HIDDEN = 4864;
const HEADS = 14;
const KV_HEADS = 2;
const HEAD_SIZE = 64;
const VOCABULARY = 151_936;
const CONTEXT_TOKENS = 32_768;

/** Writes the file; the same seed gives the same bytes. Gives its size. */
export async function writeGeneratedQwen2(sink: ByteSink, seed: number): Promise<number> {
  const { all: tensors } = generatedTensors(seed);
  return await writeGguf(sink, { metadata: await generatedMetadata(), tensors });
}

/** The metadata of the file, its vocabulary included. */
export async function generatedMetadata(): Promise<[string, MetadataEntry][]> {
  const { tokens, merges, types } = await publishedVocabulary("qwen3");
  const texts = Array.from(
    { length: VOCABULARY },
    (_, id) => id < tokens.length ? tokens.at(id) : `[PAD${id}]`,
  );
  const kinds = new Int32Array(VOCABULARY).fill(TokenType.unused);
  kinds.set(types);
  const rules = Array.from({ length: merges.length }, (_, rank) => merges.at(rank));
  return [
    ["general.architecture", text("qwen2")],
    ["general.name", text("generated 0.5B")],
    ["general.file_type", whole(15)], // Q4_K_M (llama.h, llama_ftype)
    ["qwen2.block_count", whole(LAYERS)],
    ["qwen2.context_length", whole(CONTEXT_TOKENS)],
    ["qwen2.embedding_length", whole(WIDTH)],
    ["qwen2.feed_forward_length", whole(HIDDEN)],
    ["qwen2.attention.head_count", whole(HEADS)],
    ["qwen2.attention.head_count_kv", whole(KV_HEADS)],
    ["qwen2.rope.freq_base", float(1e6)],
    ["qwen2.attention.layer_norm_rms_epsilon", float(1e-6)],
    ["tokenizer.ggml.model", text("gpt2")],
    ["tokenizer.ggml.pre", text("qwen2")],
    ["tokenizer.ggml.tokens", strings(texts)],
    ["tokenizer.ggml.token_type", integers(kinds)],
    ["tokenizer.ggml.merges", strings(rules)],
    ["tokenizer.ggml.eos_token_id", whole(texts.indexOf("<|im_end|>"))],
    ["tokenizer.ggml.add_bos_token", flag(false)],
  ];
}

/**
 * llama.cpp's Q4_K_M of this shape: rows of 896 are no multiple of 256, so Q4_K falls back to Q5_0 there and Q6_K to
 * Q8_0 (the embedding is the head as well); only `ffn_down` keeps K formats.
 */
function generatedTensors(seed: number): GeneratedTensors {
  const tensors = new GeneratedTensors(seed);
  const kvWidth = KV_HEADS * HEAD_SIZE;
  tensors.matrix("token_embd.weight", [WIDTH, VOCABULARY], "Q8_0");
  tensors.vector("output_norm.weight", WIDTH, 1);
  for (let layer = 0; layer < LAYERS; layer++) {
    const name = (part: string): string => `blk.${layer}.${part}`;
    const isFine = hasMoreBits(layer);
    tensors.vector(name("attn_norm.weight"), WIDTH, 1);
    tensors.matrix(name("attn_q.weight"), [WIDTH, WIDTH], "Q5_0");
    tensors.vector(name("attn_q.bias"), WIDTH, 0.01);
    tensors.matrix(name("attn_k.weight"), [WIDTH, kvWidth], "Q5_0");
    tensors.vector(name("attn_k.bias"), kvWidth, 0.01);
    tensors.matrix(name("attn_v.weight"), [WIDTH, kvWidth], isFine ? "Q8_0" : "Q5_0");
    tensors.vector(name("attn_v.bias"), kvWidth, 0.01);
    tensors.matrix(name("attn_output.weight"), [WIDTH, WIDTH], "Q5_0");
    tensors.vector(name("ffn_norm.weight"), WIDTH, 1);
    tensors.matrix(name("ffn_gate.weight"), [WIDTH, HIDDEN], "Q5_0");
    tensors.matrix(name("ffn_up.weight"), [WIDTH, HIDDEN], "Q5_0");
    tensors.matrix(name("ffn_down.weight"), [HIDDEN, WIDTH], isFine ? "Q6_K" : "Q4_K");
  }
  return tensors;
}

/** The layers whose `attn_v` and `ffn_down` llama.cpp keeps finer: the first and last eighth and every third between. */
function hasMoreBits(layer: number): boolean {
  const eighth = LAYERS >> 3;
  return layer < eighth || layer >= 7 * eighth || (layer - eighth) % 3 === 2;
}
