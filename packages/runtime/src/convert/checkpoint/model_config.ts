/** Reads config.json of a Hugging Face model, in its published and its transformers-5 spelling. Knows no tensors and no GGUF keys. */
import { CheckpointError, UnsupportedError } from "../../errors.ts";
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
  };

/** What all supported models have in common. */
export interface CheckpointConfig {
  /** The class name in `architectures`. */
  readonly className: string;
  readonly layers: number;
  readonly width: number;
  readonly hidden: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headSize: number;
  /** Whether the file says the head size, or it follows from width and heads. */
  readonly headSizeIsGiven: boolean;
  readonly vocabulary: number;
  /** Positions the model was trained for, but no more than a sliding window where it has one. */
  readonly contextTokens: number;
  readonly normEpsilon: number;
  readonly ropeBase: number;
  readonly ropeScaling: RopeScaling;
  /** The output matrix is the embedding. */
  readonly isTied: boolean;
  /** The file itself, for ids of special tokens. */
  readonly json: JsonObject;
}

const DEFAULT_ROPE_BASE = 10000;

/** The class name of a model; throws a CheckpointError where config.json does not say it. */
export function classNameOf(json: JsonObject, where: string): string {
  const [name] = Array.isArray(json.architectures) ? json.architectures : [];
  if (typeof name === "string") return name;
  throw new CheckpointError(`${where} names no class in architectures`, where);
}

/**
 * Reads and checks the sizes of a decoder-only transformer; `where` names the file in errors.
 * @throws {CheckpointError} if a size is missing or no number
 * @throws {UnsupportedError} if the model is quantized, or has a kind of RoPE or activation that is not supported
 */
export function readCheckpointConfig(json: JsonObject, where: string): CheckpointConfig {
  const className = classNameOf(json, where);
  refuseVariants(json, className);
  const values = new Values(json, where);
  const width = values.count("hidden_size");
  const heads = values.count("num_attention_heads");
  const givenHeadSize = values.optionalCount("head_dim");
  const rope = readRope(json, where);
  return {
    className,
    layers: values.count("num_hidden_layers"),
    width,
    hidden: values.count("intermediate_size"),
    heads,
    kvHeads: values.optionalCount("num_key_value_heads") ?? heads,
    headSize: givenHeadSize ?? Math.floor(width / heads),
    headSizeIsGiven: givenHeadSize !== undefined,
    vocabulary: values.count("vocab_size"),
    contextTokens: Math.min(values.count("max_position_embeddings"), windowOf(json, values)),
    normEpsilon: values.number("rms_norm_eps"),
    ropeBase: rope.base,
    ropeScaling: rope.scaling,
    isTied: json.tie_word_embeddings === true,
    json,
  };
}

/** Typed look-ups; `null` is as good as missing, as transformers has it. */
class Values {
  constructor(private readonly json: JsonObject, private readonly where: string) {}

  count(key: string): number {
    const value = this.optionalCount(key);
    if (value === undefined) throw this.#wrong(key, "a whole number >= 1");
    return value;
  }

  optionalCount(key: string): number | undefined {
    const value = this.json[key] ?? undefined;
    if (value === undefined) return undefined;
    if (Number.isSafeInteger(value) && value as number >= 1) return value as number;
    throw this.#wrong(key, "a whole number >= 1");
  }

  number(key: string): number {
    const value = this.optionalNumber(key);
    if (value === undefined) throw this.#wrong(key, "a number");
    return value;
  }

  optionalNumber(key: string): number | undefined {
    const value = this.json[key] ?? undefined;
    if (value === undefined || Number.isFinite(value)) return value as number | undefined;
    throw this.#wrong(key, "a number");
  }

  #wrong(key: string, wanted: string): CheckpointError {
    const found = JSON.stringify(this.json[key])?.slice(0, 60) ?? "nothing";
    return new CheckpointError(
      `${this.where}: ${key} must be ${wanted}, found ${found}`,
      this.where,
    );
  }
}

/** Choices that would change what the model computes. */
function refuseVariants(json: JsonObject, className: string): void {
  const { quantization_config: quantization, hidden_act: activation } = json;
  if (isObject(quantization)) {
    const method = String(quantization.quant_method ?? "unknown");
    throw new UnsupportedError(
      `The model is quantized already (${method}): take the folder of its F32, F16 or BF16 weights`,
      method,
    );
  }
  if (activation !== undefined && activation !== "silu") {
    throw new UnsupportedError(
      `The activation ${activation} of ${className} is not supported (silu is)`,
      String(activation),
    );
  }
  for (const key of ["attention_bias", "mlp_bias"]) {
    if (json[key] !== true) continue;
    throw new UnsupportedError(`${key} of ${className} is not supported`, key);
  }
}

/** Tokens that a layer looks back on; beyond them full attention would be another model. */
function windowOf(json: JsonObject, values: Values): number {
  // Qwen's files give a window and say apart whether it is used; Mistral's use what they give.
  const isUsed = json.use_sliding_window ?? !String(json.model_type).startsWith("qwen");
  if (isUsed !== true) return Infinity;
  return values.optionalCount("sliding_window") ?? Infinity;
}

/** `rope_theta` and `rope_scaling` as published, or both in `rope_parameters` (transformers 5). */
function readRope(json: JsonObject, where: string): { base: number; scaling: RopeScaling } {
  const told = json.rope_parameters ?? json.rope_scaling ?? {};
  if (!isObject(told)) {
    throw new CheckpointError(`${where}: rope_scaling must be an object or null`, where);
  }
  if (Object.values(told).some(isObject)) {
    throw new UnsupportedError("RoPE that differs between layers is not supported", "rope");
  }
  const values = new Values(told, where);
  const base = values.optionalNumber("rope_theta") ??
    new Values(json, where).optionalNumber("rope_theta") ?? DEFAULT_ROPE_BASE;
  const partial = told.partial_rotary_factor ?? json.partial_rotary_factor ?? 1;
  if (partial !== 1) {
    throw new UnsupportedError("partial_rotary_factor is not supported", "partial_rotary_factor");
  }
  return { base, scaling: readScaling(told, values) };
}

function readScaling(told: JsonObject, values: Values): RopeScaling {
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
  throw new UnsupportedError(
    `RoPE scaling of type ${type} is not supported yet (default, linear and llama3 are)`,
    String(type),
  );
}
