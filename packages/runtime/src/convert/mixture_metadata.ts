/** Experts, latent attention and YaRN as GGUF metadata. Knows no tokenizer and no tensors. */
import type { MetadataEntry } from "../gguf/mod.ts";
import type { TargetArchitecture } from "./architecture.ts";
import type { LatentConfig } from "./checkpoint/latent_config.ts";
import type { MixtureConfig } from "./checkpoint/mixture_config.ts";
import type { CheckpointConfig } from "./checkpoint/model_config.ts";
import type { YarnScaling } from "./checkpoint/rope_config.ts";
import { countEntry, type MetadataPair, numberEntry, stringEntry } from "./model_metadata.ts";

/** `expert_gating_func` (llama.cpp, llama_expert_gating_func_type). */
const GATING = { softmax: 1, sigmoid: 2 } as const;

/** The keys that a dense model with plain attention does not have. */
export function mixtureMetadata(
  { name }: TargetArchitecture,
  { mixture, latent, nextLayers, ropeScaling, vocabulary }: CheckpointConfig,
): MetadataPair[] {
  const pairs: MetadataPair[] = [];
  if (mixture) pairs.push(...expertPairs(mixture));
  if (latent) pairs.push(["vocab_size", countEntry(vocabulary)], ...latentPairs(latent));
  if (ropeScaling.type === "yarn") pairs.push(...yarnPairs(ropeScaling));
  if (nextLayers > 0) pairs.push(["nextn_predict_layers", countEntry(nextLayers)]);
  return pairs.map(([key, entry]) => [`${name}.${key}`, entry]);
}

function expertPairs(mixture: MixtureConfig): MetadataPair[] {
  const { family, hidden, normalizes } = mixture;
  const pairs: MetadataPair[] = [
    ["expert_count", countEntry(mixture.experts)],
    ["expert_used_count", countEntry(mixture.used)],
  ];
  if (family !== "olmoe") pairs.push(["expert_feed_forward_length", countEntry(hidden)]);
  // The others' architectures leave no choice.
  if (family === "qwen3" || family === "olmoe") return pairs;
  pairs.push(
    ["expert_group_count", countEntry(mixture.groups)],
    ["expert_group_used_count", countEntry(mixture.groupsUsed)],
    ["expert_gating_func", countEntry(GATING[mixture.scoring])],
    ["leading_dense_block_count", countEntry(mixture.denseLayers)],
    ["expert_shared_count", countEntry(mixture.shared)],
    ["expert_weights_scale", numberEntry(mixture.scale)],
  );
  if (normalizes) pairs.push(["expert_weights_norm", boolEntry(true)]);
  return pairs;
}

/** Keys are a latent with a rotary part, values the latent: one head that all queries share. */
function latentPairs(latent: LatentConfig): MetadataPair[] {
  const { queryRank, rank, rotarySize } = latent;
  const pairs: MetadataPair[] = [
    ["attention.kv_lora_rank", countEntry(rank)],
    ["attention.key_length", countEntry(rank + rotarySize)],
    ["attention.value_length", countEntry(rank)],
    ["attention.key_length_mla", countEntry(latent.keySize)],
    ["attention.value_length_mla", countEntry(latent.valueSize)],
    ["rope.dimension_count", countEntry(rotarySize)],
  ];
  if (queryRank !== undefined) pairs.push(["attention.q_lora_rank", countEntry(queryRank)]);
  return pairs;
}

function yarnPairs(yarn: YarnScaling): MetadataPair[] {
  const pairs: MetadataPair[] = [
    ["rope.scaling.type", stringEntry("yarn")],
    ["rope.scaling.factor", numberEntry(yarn.factor)],
    ["rope.scaling.original_context_length", countEntry(yarn.originalContextTokens)],
    ["rope.scaling.yarn_log_multiplier", numberEntry(0.1 * yarn.scoreScale)],
  ];
  const { betaFast, betaSlow } = yarn;
  if (betaFast !== undefined) pairs.push(["rope.scaling.yarn_beta_fast", numberEntry(betaFast)]);
  if (betaSlow !== undefined) pairs.push(["rope.scaling.yarn_beta_slow", numberEntry(betaSlow)]);
  return pairs;
}

function boolEntry(value: boolean): MetadataEntry {
  return { type: "bool", value };
}
