/** A Qwen2-shaped Q4_K_M file of 0.5 billion seeded random weights with a real vocabulary, for figures of memory and speed. Its answers mean nothing. */
import {
  type ByteSink,
  ggmlTypeByName,
  type MetadataEntry,
  StringArray,
  type TensorToWrite,
  writeGguf,
} from "../../packages/runtime/src/gguf/mod.ts";
import { TokenType } from "../../packages/runtime/src/tokenizer/mod.ts";
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

/** Weights of one chunk on its way into the file. */
const CHUNK_WEIGHTS = 1 << 20;
const F16_ONE = 0x3c00;

/** Where a block format keeps its f16 scales, and their size as a power of two: weights come out near 2^-5. */
const SCALES: Readonly<Record<string, { readonly at: readonly number[]; readonly log2: number }>> =
  {
    Q5_0: { at: [0], log2: -9 },
    Q8_0: { at: [0], log2: -12 },
    Q4_K: { at: [0, 2], log2: -14 },
    Q6_K: { at: [208], log2: -14 },
  };

/** Writes the file; the same seed gives the same bytes. Gives its size. */
export async function writeGeneratedQwen2(sink: ByteSink, seed: number): Promise<number> {
  const random = randomBytes(seed);
  return await writeGguf(sink, { metadata: await generatedMetadata(), tensors: tensors(random) });
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
  const text = (value: string): MetadataEntry => ({ type: "string", value });
  const whole = (value: number): MetadataEntry => ({ type: "uint32", value });
  const float = (value: number): MetadataEntry => ({ type: "float32", value });
  const strings = (value: readonly string[]): MetadataEntry => ({
    ...{ type: "array", elementType: "string", value: StringArray.from(value) },
  });
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
    ["tokenizer.ggml.token_type", { type: "array", elementType: "int32", value: kinds }],
    ["tokenizer.ggml.merges", strings(rules)],
    ["tokenizer.ggml.eos_token_id", whole(texts.indexOf("<|im_end|>"))],
    ["tokenizer.ggml.add_bos_token", { type: "bool", value: false }],
  ];
}

/**
 * llama.cpp's Q4_K_M of this shape: rows of 896 are no multiple of 256, so Q4_K falls back to Q5_0 there and Q6_K to
 * Q8_0 (the embedding is the head as well); only `ffn_down` keeps K formats.
 */
function tensors(random: (bytes: Uint8Array) => void): TensorToWrite[] {
  const matrix = (name: string, cols: number, rows: number, type: string): TensorToWrite => ({
    ...{ name, dims: [cols, rows], type, data: () => blocks(random, cols * rows, type) },
  });
  const vector = (name: string, size: number, value: number): TensorToWrite => ({
    ...{ name, dims: [size], type: "F32" },
    data: () => [new Uint8Array(new Float32Array(size).fill(value).buffer)],
  });
  const kvWidth = KV_HEADS * HEAD_SIZE;
  const all = [
    matrix("token_embd.weight", WIDTH, VOCABULARY, "Q8_0"),
    vector("output_norm.weight", WIDTH, 1),
  ];
  for (let layer = 0; layer < LAYERS; layer++) {
    const name = (part: string): string => `blk.${layer}.${part}`;
    const isFine = hasMoreBits(layer);
    all.push(
      vector(name("attn_norm.weight"), WIDTH, 1),
      matrix(name("attn_q.weight"), WIDTH, WIDTH, "Q5_0"),
      vector(name("attn_q.bias"), WIDTH, 0.01),
      matrix(name("attn_k.weight"), WIDTH, kvWidth, "Q5_0"),
      vector(name("attn_k.bias"), kvWidth, 0.01),
      matrix(name("attn_v.weight"), WIDTH, kvWidth, isFine ? "Q8_0" : "Q5_0"),
      vector(name("attn_v.bias"), kvWidth, 0.01),
      matrix(name("attn_output.weight"), WIDTH, WIDTH, "Q5_0"),
      vector(name("ffn_norm.weight"), WIDTH, 1),
      matrix(name("ffn_gate.weight"), WIDTH, HIDDEN, "Q5_0"),
      matrix(name("ffn_up.weight"), WIDTH, HIDDEN, "Q5_0"),
      matrix(name("ffn_down.weight"), HIDDEN, WIDTH, isFine ? "Q6_K" : "Q4_K"),
    );
  }
  return all;
}

/** The layers whose `attn_v` and `ffn_down` llama.cpp keeps finer: the first and last eighth and every third between. */
function hasMoreBits(layer: number): boolean {
  const eighth = LAYERS >> 3;
  return layer < eighth || layer >= 7 * eighth || (layer - eighth) % 3 === 2;
}

/** Blocks of random quants under scales of one size. */
function* blocks(
  random: (bytes: Uint8Array) => void,
  weights: number,
  typeName: string,
): Generator<Uint8Array> {
  const type = ggmlTypeByName(typeName);
  if (!type) throw new RangeError(`No format ${typeName}`);
  const { at, log2 } = SCALES[typeName];
  const scale = F16_ONE + log2 * 1024;
  for (let done = 0; done < weights; done += CHUNK_WEIGHTS) {
    const count = Math.min(CHUNK_WEIGHTS, weights - done) / type.blockSize;
    const chunk = new Uint8Array(count * type.blockBytes);
    random(chunk);
    const view = new DataView(chunk.buffer);
    for (let block = 0; block < count; block++) {
      for (const place of at) view.setUint16(block * type.blockBytes + place, scale, true);
    }
    yield chunk;
  }
}

/** Fills arrays with random bytes (xorshift32; Marsaglia 2003). */
function randomBytes(seed: number): (bytes: Uint8Array) => void {
  let state = (seed * 2 + 1) >>> 0;
  return (bytes) => {
    const words = new Uint32Array(Math.ceil(bytes.length / 4));
    for (let i = 0; i < words.length; i++) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      words[i] = state;
    }
    bytes.set(new Uint8Array(words.buffer, 0, bytes.length));
  };
}
