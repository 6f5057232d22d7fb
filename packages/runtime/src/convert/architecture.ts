/** Which GGUF architecture a Hugging Face class becomes, and where each of its tensors goes. Reads no files, moves no weights. */
import { CheckpointError, UnsupportedError } from "../errors.ts";
import type { MixtureConfig, MixtureFamily } from "./checkpoint/mixture_config.ts";
import type { CheckpointConfig } from "./checkpoint/model_config.ts";
import { addExperts, addLatentAttention, addNextToken } from "./mixture_tensors.ts";
import { type WantedTensor, WantedTensors } from "./wanted_tensor.ts";

/** What tells the supported architectures apart. */
export interface TargetArchitecture {
  /** `general.architecture`. */
  readonly name: string;
  /** Rows of q and k are reordered, so that neighbouring elements rotate together. */
  readonly interleavesHeads: boolean;
  readonly hasQkvBias: boolean;
  /** Norms on q and k: of each head, or of all heads as one vector. */
  readonly qkNorm: "none" | "head" | "whole";
  /** `vocab_size` and `rope.dimension_count` are written, as llama.cpp does for Llama. */
  readonly saysVocabularyAndRope: boolean;
  /** Set where layers have experts. */
  readonly family?: MixtureFamily;
}

const llama: TargetArchitecture = {
  name: "llama",
  interleavesHeads: true,
  hasQkvBias: false,
  qkNorm: "none",
  saysVocabularyAndRope: true,
};
const qwen2: TargetArchitecture = {
  name: "qwen2",
  interleavesHeads: false,
  hasQkvBias: true,
  qkNorm: "none",
  saysVocabularyAndRope: false,
};
const qwen3: TargetArchitecture = { ...qwen2, name: "qwen3", hasQkvBias: false, qkNorm: "head" };
const deepseek2: TargetArchitecture = { ...qwen3, name: "deepseek2", qkNorm: "none" };

const CLASSES: Readonly<Record<string, TargetArchitecture>> = {
  LlamaForCausalLM: llama,
  MistralForCausalLM: llama,
  Qwen2ForCausalLM: qwen2,
  Qwen3ForCausalLM: qwen3,
  Qwen3MoeForCausalLM: { ...qwen3, name: "qwen3moe", family: "qwen3" },
  OlmoeForCausalLM: { ...qwen3, name: "olmoe", qkNorm: "whole", family: "olmoe" },
  DeepseekV2ForCausalLM: { ...deepseek2, family: "deepseek-v2" },
  DeepseekV3ForCausalLM: { ...deepseek2, family: "deepseek-v3" },
};

/** The class whose models have that GGUF architecture; undefined where none is known. */
export function targetNamed(architecture: string): TargetArchitecture | undefined {
  return Object.values(CLASSES).find(({ name }) => name === architecture);
}

/** The sizes that tell a model's tensors. */
export type ModelSizes =
  & Pick<CheckpointConfig, "layers" | "nextLayers" | "width" | "hidden" | "vocabulary" | "isTied">
  & Pick<CheckpointConfig, "heads" | "kvHeads" | "headSize" | "latent">
  & {
    readonly mixture?: Pick<
      MixtureConfig,
      "experts" | "hidden" | "shared" | "denseLayers" | "hasChoiceBias"
    >;
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

/** Every tensor that the folder must or may hold, by its name there. */
export function wantedTensors(
  target: TargetArchitecture,
  config: ModelSizes,
): ReadonlyMap<string, WantedTensor> {
  const { width, vocabulary, layers, mixture, latent } = config;
  const wanted = new WantedTensors();
  wanted.add("model.embed_tokens.weight", "token_embd.weight", [vocabulary, width]);
  wanted.add("model.norm.weight", "output_norm.weight", [width]);
  if (!config.isTied) wanted.add("lm_head.weight", "output.weight", [vocabulary, width]);
  for (let layer = 0; layer < layers + config.nextLayers; layer++) {
    const [from, to] = [`model.layers.${layer}`, `blk.${layer}`];
    wanted.add(`${from}.input_layernorm.weight`, `${to}.attn_norm.weight`, [width]);
    wanted.add(`${from}.post_attention_layernorm.weight`, `${to}.ffn_norm.weight`, [width]);
    if (latent) addLatentAttention(wanted, layer, config, latent);
    else addAttention(wanted, layer, target, config);
    const outputSize = config.heads * (latent?.valueSize ?? config.headSize);
    const output = `${from}.self_attn.o_proj.weight`;
    wanted.add(output, `${to}.attn_output.weight`, [width, outputSize]);
    if (mixture && layer >= mixture.denseLayers) addExperts(wanted, layer, width, mixture);
    else addFeedForward(wanted, layer, config);
    if (layer >= layers) addNextToken(wanted, layer, config);
  }
  return wanted.all;
}

function addFeedForward(
  wanted: WantedTensors,
  layer: number,
  { width, hidden }: ModelSizes,
): void {
  const [from, to] = [`model.layers.${layer}.mlp`, `blk.${layer}`];
  wanted.add(`${from}.gate_proj.weight`, `${to}.ffn_gate.weight`, [hidden, width]);
  wanted.add(`${from}.up_proj.weight`, `${to}.ffn_up.weight`, [hidden, width]);
  wanted.add(`${from}.down_proj.weight`, `${to}.ffn_down.weight`, [width, hidden]);
}

/** Queries, keys and values of all heads, but for the output. */
function addAttention(
  wanted: WantedTensors,
  layer: number,
  target: TargetArchitecture,
  { width, heads, kvHeads, headSize }: ModelSizes,
): void {
  const [from, to] = [`model.layers.${layer}.self_attn`, `blk.${layer}`];
  for (const [part, count] of [["q", heads], ["k", kvHeads], ["v", kvHeads]] as const) {
    const rows = count * headSize;
    const isInterleaved = target.interleavesHeads && part !== "v";
    wanted.add(
      `${from}.${part}_proj.weight`,
      `${to}.attn_${part}.weight`,
      [rows, width],
      isInterleaved ? { kind: "interleaved", headSize } : undefined,
    );
    if (target.hasQkvBias) {
      wanted.add(`${from}.${part}_proj.bias`, `${to}.attn_${part}.bias`, [rows]);
    }
    if (target.qkNorm === "none" || part === "v") continue;
    const normSize = target.qkNorm === "head" ? headSize : rows;
    wanted.add(`${from}.${part}_norm.weight`, `${to}.attn_${part}_norm.weight`, [normSize]);
  }
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
  const wrong = layers + config.nextLayers > MAX_LAYERS
    ? `${layers + config.nextLayers} layers`
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
