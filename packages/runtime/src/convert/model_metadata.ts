/** The sizes of a model as GGUF metadata, and its recommended sampling. Knows no tokenizer and no tensors. */
import type { MetadataEntry } from "../gguf/mod.ts";
import type { TargetArchitecture } from "./architecture.ts";
import type { JsonObject } from "./checkpoint/json_file.ts";
import type { CheckpointConfig } from "./checkpoint/model_config.ts";

/** A key and its value, as a GGUF file has them. */
export type MetadataPair = readonly [string, MetadataEntry];

/** A tensor's name in the file and its sizes, the fastest-moving first. */
export interface NamedShape {
  readonly name: string;
  readonly dims: readonly number[];
}

/** Texts of a file. */
export function stringEntry(value: string): MetadataEntry {
  return { type: "string", value };
}

/** Sizes and ids. */
export function countEntry(value: number): MetadataEntry {
  return { type: "uint32", value };
}

/** Real numbers, rounded to float32 when written. */
export function numberEntry(value: number): MetadataEntry {
  return { type: "float32", value };
}

/** `general.*` of a model with such tensors; `title` is its name. */
export function generalMetadata(
  target: TargetArchitecture,
  title: string,
  tensors: readonly NamedShape[],
  generation: JsonObject | undefined,
): MetadataPair[] {
  return [
    ["general.architecture", stringEntry(target.name)],
    ["general.type", stringEntry("model")],
    ...samplingMetadata(generation ?? {}),
    ["general.name", stringEntry(title)],
    ["general.size_label", stringEntry(modelLabel(tensors))],
  ];
}

/** What generation_config.json recommends, as `general.sampling.*`. */
function samplingMetadata(generation: JsonObject): MetadataPair[] {
  const pairs: MetadataPair[] = [];
  const add = (from: string, key: string, entry: (value: number) => MetadataEntry) => {
    const value = generation[from];
    if (Number.isFinite(value)) pairs.push([`general.sampling.${key}`, entry(value as number)]);
  };
  if (Number.isSafeInteger(generation.top_k)) {
    add("top_k", "top_k", (value) => ({ type: "int32", value }));
  }
  add("top_p", "top_p", numberEntry);
  add("min_p", "min_p", numberEntry);
  add("temperature", "temp", numberEntry);
  add("repetition_penalty", "penalty_repeat", numberEntry);
  return pairs;
}

/** `llama.*`, `qwen2.*`: the keys that llama.cpp's loader and ours read. */
export function sizeMetadata(
  target: TargetArchitecture,
  config: CheckpointConfig,
): MetadataPair[] {
  const { headSize, ropeScaling, latent } = config;
  const pairs: MetadataPair[] = [
    ["block_count", countEntry(config.layers + config.nextLayers)],
    ["context_length", countEntry(config.contextTokens)],
    ["embedding_length", countEntry(config.width)],
    ["feed_forward_length", countEntry(config.hidden)],
    ["attention.head_count", countEntry(config.heads)],
    // Of a latent all heads read the same.
    ["attention.head_count_kv", countEntry(latent ? 1 : config.kvHeads)],
    ["rope.freq_base", numberEntry(config.ropeBase)],
    ["attention.layer_norm_rms_epsilon", numberEntry(config.normEpsilon)],
  ];
  if (config.headSizeIsGiven && !latent) {
    pairs.push(["attention.key_length", countEntry(headSize)]);
    pairs.push(["attention.value_length", countEntry(headSize)]);
  }
  if (target.saysVocabularyAndRope) {
    pairs.push(["vocab_size", countEntry(config.vocabulary)]);
    pairs.push(["rope.dimension_count", countEntry(headSize)]);
  }
  if (ropeScaling.type === "linear") {
    pairs.push(["rope.scaling.type", stringEntry("linear")]);
    pairs.push(["rope.scaling.factor", numberEntry(ropeScaling.factor)]);
  }
  return pairs.map(([key, entry]) => [`${target.name}.${key}`, entry]);
}

/** `7.6B`, or `8x154K` for a mixture: the number of experts and the weights of one with all that is no expert's. */
function modelLabel(tensors: readonly NamedShape[]): string {
  let [weights, stacks, experts] = [0, 0, 0];
  for (const { name, dims } of tensors) {
    const size = dims.reduce((product, count) => product * count);
    const isStack = name.includes("_exps.");
    weights += isStack ? size / dims[2] : size;
    if (!isStack) continue;
    stacks++;
    experts += dims[2];
  }
  return (stacks > 0 ? `${Math.floor(experts / stacks)}x` : "") + sizeLabel(weights);
}

/** `131K`, `7.6B`: at least two digits. */
export function sizeLabel(weights: number): string {
  const units: [number, string][] = [[1e12, "T"], [1e9, "B"], [1e6, "M"]];
  const [unit, letter] = units.find(([size]) => weights > size) ?? [1e3, "K"];
  const scaled = weights / unit;
  const digits = String(Math.round(scaled)).replace(/^0+/, "").length;
  return scaled.toFixed(Math.max(2 - digits, 0)) + letter;
}
