/** Reads config.json of a Hugging Face model, in its published and its transformers-5 spelling. Knows no tensors and no GGUF keys. */
import { CheckpointError, UnsupportedError } from "../../errors.ts";
import { ConfigValues } from "./config_values.ts";
import { FP8_BLOCK } from "./fp8_scales.ts";
import { isObject, type JsonObject } from "./json_file.ts";
import { type LatentConfig, readLatentConfig } from "./latent_config.ts";
import { type MixtureConfig, type MixtureFamily, readMixtureConfig } from "./mixture_config.ts";
import { readRope, type RopeScaling } from "./rope_config.ts";

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
  /** Layers after the last one that guess the tokens after the next (multi-token prediction). */
  readonly nextLayers: number;
  /** Set where tokens go to experts. */
  readonly mixture?: MixtureConfig;
  /** Set where attention is over a latent: heads and kvHeads are then those of queries, headSize of keys. */
  readonly latent?: LatentConfig;
  /** The output matrix is the embedding. */
  readonly isTied: boolean;
  /** The file itself, for ids of special tokens. */
  readonly json: JsonObject;
}

/** The class name of a model; throws a CheckpointError where config.json does not say it. */
export function classNameOf(json: JsonObject, where: string): string {
  const [name] = Array.isArray(json.architectures) ? json.architectures : [];
  if (typeof name === "string") return name;
  throw new CheckpointError(`${where} names no class in architectures`, where);
}

/**
 * Reads and checks the sizes of a decoder-only transformer, dense or of a family of mixtures; `where` names the file in
 * errors.
 * @throws {CheckpointError} if a size is missing, no number or does not fit
 * @throws {UnsupportedError} if the model is quantized in a way that is not known, or has a kind of RoPE, activation or
 *   routing that is not supported
 */
export function readCheckpointConfig(
  json: JsonObject,
  where: string,
  family?: MixtureFamily,
): CheckpointConfig {
  const className = classNameOf(json, where);
  refuseVariants(json, className);
  const values = new ConfigValues(json, where);
  const width = values.count("hidden_size");
  const heads = values.count("num_attention_heads");
  const layers = values.count("num_hidden_layers");
  const isDeepseek = family === "deepseek-v2" || family === "deepseek-v3";
  const latent = isDeepseek ? readLatentConfig(json, where) : undefined;
  const givenHeadSize = latent?.keySize ?? values.optionalCount("head_dim");
  const rope = readRope(json, where, isDeepseek);
  return {
    className,
    layers,
    width,
    hidden: values.count("intermediate_size"),
    heads,
    kvHeads: latent ? heads : values.optionalCount("num_key_value_heads") ?? heads,
    headSize: givenHeadSize ?? Math.floor(width / heads),
    headSizeIsGiven: givenHeadSize !== undefined,
    vocabulary: values.count("vocab_size"),
    contextTokens: Math.min(values.count("max_position_embeddings"), windowOf(json, values)),
    normEpsilon: values.number("rms_norm_eps"),
    ropeBase: rope.base,
    ropeScaling: rope.scaling,
    nextLayers: isDeepseek ? values.optionalSize("num_nextn_predict_layers") ?? 0 : 0,
    mixture: family ? readMixtureConfig(json, where, family) : undefined,
    latent,
    isTied: json.tie_word_embeddings === true,
    json,
  };
}

/** Choices that would change what the model computes. */
function refuseVariants(json: JsonObject, className: string): void {
  const { quantization_config: quantization, hidden_act: activation } = json;
  if (isObject(quantization) && !isBlockFp8(quantization)) {
    const method = String(quantization.quant_method ?? "unknown");
    throw new UnsupportedError(
      `The model is quantized already (${method}): take the folder of its F32, F16 or BF16 weights, or FP8 ones with a scale for every 128 x 128`,
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

/** DeepSeek-V3's published form: E4M3 values with a scale for each block of 128 x 128. */
function isBlockFp8({ quant_method, fmt, weight_block_size: block }: JsonObject): boolean {
  return quant_method === "fp8" && (fmt ?? "e4m3") === "e4m3" && Array.isArray(block) &&
    block.length === 2 && block.every((size) => size === FP8_BLOCK);
}

/** Tokens that a layer looks back on; beyond them full attention would be another model. */
function windowOf(json: JsonObject, values: ConfigValues): number {
  // Qwen's files give a window and say apart whether it is used; Mistral's use what they give.
  const isUsed = json.use_sliding_window ?? !String(json.model_type).startsWith("qwen");
  if (isUsed !== true) return Infinity;
  return values.optionalCount("sliding_window") ?? Infinity;
}
