/** Model files of a trained shape with seeded random F32 weights, in memory. Trains nothing. */
import { type MetadataEntry, writeGguf } from "../../packages/runtime/src/gguf/mod.ts";
import {
  flag,
  float,
  GeneratedTensors,
  strings,
  text,
  whole,
} from "../../tests/support/generated_tensors.ts";
import { memorySink } from "../../tests/support/memory_sink.ts";
import type { MixtureShape, TrainedShape } from "./trained_shape.ts";

const SEED = 1;
/** First of the characters that the made-up tokens are. */
const FIRST_TOKEN = 33;

/** The file. */
export async function randomModel(shape: TrainedShape): Promise<Blob> {
  const sink = memorySink();
  const tensors = shape.mixture ? mixtureTensors(shape, shape.mixture) : denseTensors(shape);
  await writeGguf(sink, { metadata: metadataOf(shape), tensors: tensors.all });
  return sink.blob();
}

function metadataOf(shape: TrainedShape): [string, MetadataEntry][] {
  const { width, layers, heads, hidden, vocabulary, tokens, mixture } = shape;
  const architecture = mixture ? "deepseek2" : "llama";
  const sizes: [string, MetadataEntry][] = [
    ["block_count", whole(layers)],
    ["context_length", whole(tokens)],
    ["embedding_length", whole(width)],
    ["feed_forward_length", whole(hidden)],
    ["attention.head_count", whole(heads)],
    ["attention.head_count_kv", whole(mixture ? 1 : heads)],
    ["attention.layer_norm_rms_epsilon", float(1e-6)],
    ["rope.freq_base", float(1e4)],
    ["vocab_size", whole(vocabulary)],
    ...mixture ? mixtureMetadata(mixture) : [],
  ];
  const letters = Array.from(
    { length: vocabulary - 1 },
    (_, id) => String.fromCharCode(FIRST_TOKEN + id),
  );
  const [first, second] = letters;
  return [
    ["general.architecture", text(architecture)],
    ...sizes.map(([key, value]): [string, MetadataEntry] => [`${architecture}.${key}`, value]),
    ["tokenizer.ggml.model", text("gpt2")],
    ["tokenizer.ggml.pre", text("gpt-2")],
    ["tokenizer.ggml.tokens", strings([...letters, first + second])],
    ["tokenizer.ggml.merges", strings([`${first} ${second}`])],
    ["tokenizer.ggml.eos_token_id", whole(0)],
  ];
}

function mixtureMetadata(sizes: MixtureShape): [string, MetadataEntry][] {
  const { queryRank, rank, nopeSize, rotarySize, valueSize } = sizes;
  return [
    ["attention.q_lora_rank", whole(queryRank)],
    ["attention.kv_lora_rank", whole(rank)],
    ["attention.key_length", whole(rank + rotarySize)],
    ["attention.value_length", whole(rank)],
    ["attention.key_length_mla", whole(nopeSize + rotarySize)],
    ["attention.value_length_mla", whole(valueSize)],
    ["rope.dimension_count", whole(rotarySize)],
    ["leading_dense_block_count", whole(1)],
    ["expert_count", whole(sizes.experts)],
    ["expert_used_count", whole(sizes.used)],
    ["expert_shared_count", whole(1)],
    ["expert_feed_forward_length", whole(sizes.expertHidden)],
    ["expert_gating_func", whole(2)], // sigmoid
    ["expert_weights_norm", flag(true)],
    ["expert_weights_scale", float(1)],
  ];
}

/** Tensors that all models have, and a way to add a layer's matrices `[cols, rows, ...]` of the usual size. */
class RandomTensors extends GeneratedTensors {
  constructor({ width, vocabulary }: TrainedShape) {
    super(SEED);
    this.floats("token_embd.weight", [width, vocabulary], 0.5);
    this.floats("output.weight", [width, vocabulary], 1 / Math.sqrt(width));
    this.vector("output_norm.weight", width, 1);
  }

  product(name: string, ...dims: readonly number[]): void {
    this.floats(`${name}.weight`, dims, Math.sqrt(3 / dims[0]));
  }

  gain(name: string, size: number): void {
    this.vector(`${name}.weight`, size, 1);
  }

  feedForward(name: string, kind: string, [width, hidden, ...experts]: readonly number[]): void {
    this.product(`${name}.ffn_gate${kind}`, width, hidden, ...experts);
    this.product(`${name}.ffn_up${kind}`, width, hidden, ...experts);
    this.product(`${name}.ffn_down${kind}`, hidden, width, ...experts);
  }
}

function denseTensors(shape: TrainedShape): RandomTensors {
  const { width, layers, hidden } = shape;
  const tensors = new RandomTensors(shape);
  for (let layer = 0; layer < layers; layer++) {
    const name = `blk.${layer}`;
    tensors.gain(`${name}.attn_norm`, width);
    for (const part of ["q", "k", "v", "output"]) {
      tensors.product(`${name}.attn_${part}`, width, width);
    }
    tensors.gain(`${name}.ffn_norm`, width);
    tensors.feedForward(name, "", [width, hidden]);
  }
  return tensors;
}

function mixtureTensors(shape: TrainedShape, sizes: MixtureShape): RandomTensors {
  const { width, layers, heads, hidden } = shape;
  const { queryRank, rank, nopeSize, rotarySize, valueSize, experts, expertHidden } = sizes;
  const tensors = new RandomTensors(shape);
  for (let layer = 0; layer < layers; layer++) {
    const name = `blk.${layer}`;
    tensors.gain(`${name}.attn_norm`, width);
    tensors.product(`${name}.attn_q_a`, width, queryRank);
    tensors.gain(`${name}.attn_q_a_norm`, queryRank);
    tensors.product(`${name}.attn_q_b`, queryRank, heads * (nopeSize + rotarySize));
    tensors.product(`${name}.attn_kv_a_mqa`, width, rank + rotarySize);
    tensors.gain(`${name}.attn_kv_a_norm`, rank);
    tensors.product(`${name}.attn_k_b`, nopeSize, rank, heads);
    tensors.product(`${name}.attn_v_b`, rank, valueSize, heads);
    tensors.product(`${name}.attn_output`, heads * valueSize, width);
    tensors.gain(`${name}.ffn_norm`, width);
    if (layer === 0) {
      tensors.feedForward(name, "", [width, hidden]);
      continue;
    }
    tensors.product(`${name}.ffn_gate_inp`, width, experts);
    tensors.vector(`${name}.exp_probs_b.bias`, experts, 0);
    tensors.feedForward(name, "_exps", [width, expertHidden, experts]);
    tensors.feedForward(name, "_shexp", [width, expertHidden]);
  }
  return tensors;
}
