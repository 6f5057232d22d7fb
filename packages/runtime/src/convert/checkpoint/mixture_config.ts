/** Reads the experts and the routing of a mixture out of config.json. Knows no tensors and no GGUF keys. */
import { CheckpointError, UnsupportedError } from "../../errors.ts";
import { ConfigValues } from "./config_values.ts";
import { isObject, type JsonObject } from "./json_file.ts";

/** The families of mixtures, each with words and a routing of its own. */
export type MixtureFamily = "deepseek-v2" | "deepseek-v3" | "qwen3" | "olmoe";

/** Experts and the rule that chooses them. */
export interface MixtureConfig {
  readonly family: MixtureFamily;
  /** E. */
  readonly experts: number;
  /** K, experts that a token uses. */
  readonly used: number;
  /** F of one expert. */
  readonly hidden: number;
  /** Experts that every token uses; they are stored as one of so many times F. */
  readonly shared: number;
  /** Layers at the start that have no experts. */
  readonly denseLayers: number;
  readonly scoring: "softmax" | "sigmoid";
  /** A bias on the scores steers the choice and nothing else. */
  readonly hasChoiceBias: boolean;
  /** Experts are chosen from the best groups only; 1 and 1 without groups. */
  readonly groups: number;
  readonly groupsUsed: number;
  /** Weights are divided by their sum. */
  readonly normalizes: boolean;
  /** Factor on the weights. */
  readonly scale: number;
}

/** Experts of all layers together that no real model exceeds. */
const MAX_EXPERTS = 2 ** 17;

/**
 * @throws {CheckpointError} if a size is missing or does not fit to others
 * @throws {UnsupportedError} if experts are chosen or placed in a way that is not known, naming the key
 */
export function readMixtureConfig(
  json: JsonObject,
  where: string,
  family: MixtureFamily,
): MixtureConfig {
  const values = new ConfigValues(json, where);
  const config = family === "qwen3"
    ? readQwen3(json, values)
    : family === "olmoe"
    ? readOlmoe(json, values)
    : readDeepseek(json, values, family);
  checkFit(config, values.count("num_hidden_layers"), where);
  return config;
}

const PLAIN = {
  shared: 0,
  denseLayers: 0,
  scoring: "softmax",
  hasChoiceBias: false,
  groups: 1,
  groupsUsed: 1,
  scale: 1,
} as const;

function readQwen3(json: JsonObject, values: ConfigValues): MixtureConfig {
  demand(json, "norm_topk_prob", [true], undefined);
  demand(json, "decoder_sparse_step", [1], 1);
  const dense = json.mlp_only_layers ?? [];
  if (!Array.isArray(dense) || dense.length > 0) throw refused(json, "mlp_only_layers", ["[]"]);
  return {
    ...PLAIN,
    family: "qwen3",
    experts: values.optionalCount("num_experts") ?? values.count("num_local_experts"),
    used: values.count("num_experts_per_tok"),
    hidden: values.count("moe_intermediate_size"),
    normalizes: true,
  };
}

function readOlmoe(json: JsonObject, values: ConfigValues): MixtureConfig {
  demand(json, "norm_topk_prob", [false], false);
  demand(json, "clip_qkv", [null], null);
  return {
    ...PLAIN,
    family: "olmoe",
    experts: values.optionalCount("num_experts") ?? values.count("num_local_experts"),
    used: values.count("num_experts_per_tok"),
    hidden: values.count("intermediate_size"),
    normalizes: false,
  };
}

/** DeepSeek-V2 (2405.04434, 2.2) and V3 (2412.19437, 2.1.2); what transformers 5 leaves out follows from the class. */
function readDeepseek(
  json: JsonObject,
  values: ConfigValues,
  family: "deepseek-v2" | "deepseek-v3",
): MixtureConfig {
  const isV3 = family === "deepseek-v3";
  const [scoring, method] = isV3
    ? ["sigmoid", "noaux_tc"] as const
    : ["softmax", "greedy"] as const;
  demand(json, "scoring_func", [scoring], scoring);
  demand(json, "topk_method", isV3 ? [method] : [method, "group_limited_greedy"], method);
  demand(json, "moe_layer_freq", [1], 1);
  // V2's own code then leaves the factor out, others apply both.
  if (!isV3) demand(json, "norm_topk_prob", [false], false);
  const hasGroups = isV3 || json.topk_method === "group_limited_greedy";
  return {
    family,
    experts: values.count("n_routed_experts"),
    used: values.count("num_experts_per_tok"),
    hidden: values.count("moe_intermediate_size"),
    shared: values.optionalSize("n_shared_experts") ?? 0,
    denseLayers: values.optionalSize("first_k_dense_replace") ?? 0,
    scoring,
    hasChoiceBias: isV3,
    groups: hasGroups ? values.count("n_group") : 1,
    groupsUsed: hasGroups ? values.count("topk_group") : 1,
    normalizes: isV3 && json.norm_topk_prob !== false,
    scale: values.number("routed_scaling_factor"),
  };
}

function checkFit(config: MixtureConfig, layers: number, where: string): void {
  const { experts, used, groups, groupsUsed, denseLayers } = config;
  const groupSize = experts / groups;
  const wrong = experts * layers > MAX_EXPERTS
    ? `${experts} experts in ${layers} layers`
    : denseLayers > layers
    ? `${denseLayers} dense layers of ${layers}`
    : experts % groups !== 0
    ? `${experts} experts in ${groups} groups`
    : groupsUsed > groups
    ? `${groupsUsed} of ${groups} groups`
    // V3 scores a group by its two best experts.
    : config.hasChoiceBias && groups > 1 && groupSize < 2
    ? `groups of ${groupSize} expert`
    : used > groupSize * groupsUsed
    ? `${used} experts a token of ${groupSize * groupsUsed} to choose from`
    : undefined;
  if (wrong) throw new CheckpointError(`${where}: the model cannot have ${wrong}`, where);
}

/** Refuses a value that would change what the model computes; `usual` is that of a file without the key. */
function demand(json: JsonObject, key: string, known: readonly unknown[], usual: unknown): void {
  if (!known.includes(json[key] ?? usual)) throw refused(json, key, known);
}

function refused(json: JsonObject, key: string, known: readonly unknown[]): UnsupportedError {
  const value = json[key];
  const told = isObject(value) || Array.isArray(value) ? JSON.stringify(value) : String(value);
  const [className] = [json.architectures].flat();
  return new UnsupportedError(
    `${key} ${told.slice(0, 60)} of ${className} is not supported (${
      known.map(String).join(", ")
    } is)`,
    key,
  );
}
