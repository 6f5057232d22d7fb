/** Reads how config.json has positions rotate, in its published and its transformers-5 spelling. Computes no frequencies. */
import { CheckpointError, UnsupportedError } from "../../errors.ts";
import { ConfigValues } from "./config_values.ts";
import { isObject, type JsonObject } from "./json_file.ts";

/** How positions are scaled to contexts longer than the model was first trained for. */
export type RopeScaling =
  | { readonly type: "default" }
  | { readonly type: "linear"; readonly factor: number }
  | {
    readonly type: "llama3";
    readonly factor: number;
    readonly lowFrequencyFactor: number;
    readonly highFrequencyFactor: number;
    readonly originalContextTokens: number;
  }
  | YarnScaling;

/** YaRN (2309.00071) as DeepSeek words it; what a file leaves out has the usual value (32 and 1). */
export interface YarnScaling {
  readonly type: "yarn";
  readonly factor: number;
  readonly originalContextTokens: number;
  readonly betaFast?: number;
  readonly betaSlow?: number;
  /** Attention scores are multiplied by (0.1 x this x ln(factor) + 1) squared. */
  readonly scoreScale: number;
}

const DEFAULT_ROPE_BASE = 10000;

/** `rope_theta` and `rope_scaling` as published, or both in `rope_parameters` (transformers 5). */
export function readRope(
  json: JsonObject,
  where: string,
  readsYarn: boolean,
): { base: number; scaling: RopeScaling } {
  const told = json.rope_parameters ?? json.rope_scaling ?? {};
  if (!isObject(told)) {
    throw new CheckpointError(`${where}: rope_scaling must be an object or null`, where);
  }
  if (Object.values(told).some(isObject)) {
    throw new UnsupportedError("RoPE that differs between layers is not supported", "rope");
  }
  const values = new ConfigValues(told, where);
  const base = values.optionalNumber("rope_theta") ??
    new ConfigValues(json, where).optionalNumber("rope_theta") ?? DEFAULT_ROPE_BASE;
  const partial = told.partial_rotary_factor ?? json.partial_rotary_factor ?? 1;
  if (partial !== 1) {
    throw new UnsupportedError("partial_rotary_factor is not supported", "partial_rotary_factor");
  }
  return { base, scaling: readScaling(told, values, readsYarn) };
}

function readScaling(told: JsonObject, values: ConfigValues, readsYarn: boolean): RopeScaling {
  const type = told.rope_type ?? told.type ?? "default";
  switch (type) {
    case "default":
      return { type: "default" };
    case "linear":
      return { type: "linear", factor: values.number("factor") };
    case "llama3":
      return {
        type: "llama3",
        factor: values.number("factor"),
        lowFrequencyFactor: values.number("low_freq_factor"),
        highFrequencyFactor: values.number("high_freq_factor"),
        originalContextTokens: values.count("original_max_position_embeddings"),
      };
  }
  if (type === "yarn" && readsYarn) return readYarn(told, values);
  const known = readsYarn ? "default, linear, llama3 and yarn" : "default, linear and llama3";
  throw new UnsupportedError(
    `RoPE scaling of type ${type} is not supported yet (${known} are)`,
    String(type),
  );
}

/** Cosines and sines stay as they are only where both scales are equal, as all published models have them. */
function readYarn(told: JsonObject, values: ConfigValues): YarnScaling {
  const scoreScale = values.number("mscale_all_dim");
  if (values.number("mscale") !== scoreScale) {
    throw new UnsupportedError(
      `mscale ${told.mscale} of rope_scaling beside mscale_all_dim ${scoreScale} is not supported`,
      "mscale",
    );
  }
  for (const key of ["attention_factor", "extrapolation_factor", "truncate"]) {
    if ((told[key] ?? null) === null) continue;
    throw new UnsupportedError(`${key} of rope_scaling is not supported`, key);
  }
  return {
    type: "yarn",
    factor: values.number("factor"),
    originalContextTokens: values.count("original_max_position_embeddings"),
    betaFast: values.optionalNumber("beta_fast"),
    betaSlow: values.optionalNumber("beta_slow"),
    scoreScale,
  };
}
