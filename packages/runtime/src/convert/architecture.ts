/** Which GGUF architecture a Hugging Face class becomes, and where each of its tensors goes. Reads no files, moves no weights. */
import { CheckpointError, UnsupportedError } from "../errors.ts";
import type { CheckpointConfig } from "./checkpoint/model_config.ts";

/** What tells the supported architectures apart. */
export interface TargetArchitecture {
  /** `general.architecture`. */
  readonly name: string;
  /** Rows of q and k are reordered, so that neighbouring elements rotate together. */
  readonly interleavesHeads: boolean;
  readonly hasQkvBias: boolean;
  readonly hasQkNorm: boolean;
  /** `vocab_size` and `rope.dimension_count` are written, as llama.cpp does for Llama. */
  readonly saysVocabularyAndRope: boolean;
}

/** A tensor that the model must have. */
export interface WantedTensor {
  /** Its name in the GGUF file. */
  readonly name: string;
  /** Sizes as safetensors tells them, the slowest-moving first. */
  readonly shape: readonly number[];
  /** Set where the rows of each head are to be interleaved. */
  readonly headSize?: number;
}

const llama: TargetArchitecture = {
  name: "llama",
  interleavesHeads: true,
  hasQkvBias: false,
  hasQkNorm: false,
  saysVocabularyAndRope: true,
};
const qwen2: TargetArchitecture = {
  name: "qwen2",
  interleavesHeads: false,
  hasQkvBias: true,
  hasQkNorm: false,
  saysVocabularyAndRope: false,
};
const qwen3: TargetArchitecture = { ...qwen2, name: "qwen3", hasQkvBias: false, hasQkNorm: true };

const CLASSES: Readonly<Record<string, TargetArchitecture>> = {
  LlamaForCausalLM: llama,
  MistralForCausalLM: llama,
  Qwen2ForCausalLM: qwen2,
  Qwen3ForCausalLM: qwen3,
};

/** Computed from the sizes; old files store them. */
const COMPUTED = /^model\.layers\.\d+\.self_attn\.rotary_emb\.inv_freq$/;

/** @throws {UnsupportedError} naming the class and those that can be converted. */
export function targetOf(className: string): TargetArchitecture {
  if (Object.hasOwn(CLASSES, className)) return CLASSES[className];
  const known = Object.keys(CLASSES).join(", ");
  throw new UnsupportedError(
    `The architecture ${className.slice(0, 80)} cannot be converted yet (can be: ${known})`,
    className,
  );
}

/** Every tensor that the folder must hold, by its name there. */
export function wantedTensors(
  target: TargetArchitecture,
  config: CheckpointConfig,
): Map<string, WantedTensor> {
  const { width, hidden, heads, kvHeads, headSize, vocabulary } = config;
  const wanted = new Map<string, WantedTensor>();
  const add = (from: string, name: string, shape: readonly number[]) =>
    wanted.set(from, { name, shape });
  add("model.embed_tokens.weight", "token_embd.weight", [vocabulary, width]);
  add("model.norm.weight", "output_norm.weight", [width]);
  if (!config.isTied) add("lm_head.weight", "output.weight", [vocabulary, width]);
  for (let layer = 0; layer < config.layers; layer++) {
    const [from, to] = [`model.layers.${layer}`, `blk.${layer}`];
    add(`${from}.input_layernorm.weight`, `${to}.attn_norm.weight`, [width]);
    add(`${from}.post_attention_layernorm.weight`, `${to}.ffn_norm.weight`, [width]);
    add(`${from}.mlp.gate_proj.weight`, `${to}.ffn_gate.weight`, [hidden, width]);
    add(`${from}.mlp.up_proj.weight`, `${to}.ffn_up.weight`, [hidden, width]);
    add(`${from}.mlp.down_proj.weight`, `${to}.ffn_down.weight`, [width, hidden]);
    add(`${from}.self_attn.o_proj.weight`, `${to}.attn_output.weight`, [width, heads * headSize]);
    for (const [part, count] of [["q", heads], ["k", kvHeads], ["v", kvHeads]] as const) {
      const rows = count * headSize;
      const interleaved = target.interleavesHeads && part !== "v" ? headSize : undefined;
      wanted.set(`${from}.self_attn.${part}_proj.weight`, {
        name: `${to}.attn_${part}.weight`,
        shape: [rows, width],
        headSize: interleaved,
      });
      if (target.hasQkvBias) {
        add(`${from}.self_attn.${part}_proj.bias`, `${to}.attn_${part}.bias`, [rows]);
      }
      if (target.hasQkNorm && part !== "v") {
        add(`${from}.self_attn.${part}_norm.weight`, `${to}.attn_${part}_norm.weight`, [headSize]);
      }
    }
  }
  return wanted;
}

/** Whether a tensor is left out on purpose: buffers, and an output matrix that is the embedding. */
export function isLeftOut(name: string, { isTied }: CheckpointConfig): boolean {
  return COMPUTED.test(name) || (isTied && name === "lm_head.weight");
}

/** Sizes that no real model exceeds. */
const MAX_LAYERS = 4096;
const MAX_VOCABULARY = 2 ** 24;

/** Throws a CheckpointError where the sizes do not fit together. */
export function checkSizes(config: CheckpointConfig, where: string): void {
  const { layers, heads, kvHeads, headSize, width, headSizeIsGiven, normEpsilon, ropeBase } =
    config;
  const wrong = layers > MAX_LAYERS
    ? `${layers} layers`
    : config.vocabulary > MAX_VOCABULARY
    ? `${config.vocabulary} tokens`
    : heads % kvHeads !== 0
    ? `${heads} heads over ${kvHeads} KV heads`
    : !headSizeIsGiven && width % heads !== 0
    ? `width ${width} over ${heads} heads`
    : headSize % 2 !== 0
    ? `heads of ${headSize}`
    : !(normEpsilon > 0)
    ? `a norm epsilon of ${normEpsilon}`
    : !(ropeBase > 0)
    ? `a RoPE base of ${ropeBase}`
    : undefined;
  if (wrong) throw new CheckpointError(`${where}: the model cannot have ${wrong}`, where);
}
