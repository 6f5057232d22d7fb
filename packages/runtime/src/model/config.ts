/** Reads a model's sizes from its metadata, every choice explicit. Reads no tensors. */
import { ModelError } from "../errors.ts";
import {
  isHeadSize,
  isSize,
  type KeyOf,
  type KeyValues,
  MAX_HEAD_SIZE,
} from "./config/key_values.ts";
import { type LatentConfig, latentProblems, readLatent } from "./config/latent_config.ts";
import { type MixtureConfig, mixtureProblems, readMixture } from "./config/mixture_config.ts";
import { type HasTensors, readLayers } from "./config/next_layers.ts";
import { readRopeScaling, ropeProblems, type RopeScaling } from "./config/rope_config.ts";

export type { KeyValues } from "./config/key_values.ts";

/** Sizes of a decoder-only transformer. */
export interface ModelConfig extends RopeScaling {
  readonly architecture: string;
  /** Without those that guess further tokens. */
  readonly layers: number;
  /** Layers after these that guess further tokens (DeepSeek-V3 2412.19437, section 2.2); none where missing. */
  readonly nextLayers?: number;
  /** C. */
  readonly width: number;
  /** H. */
  readonly heads: number;
  readonly kvHeads: number;
  /** D, of queries and keys. */
  readonly headSize: number;
  /** F of the dense feed-forward parts. */
  readonly hidden: number;
  /** V. */
  readonly vocabulary: number;
  /** Positions the model was trained for. */
  readonly contextTokens: number;
  readonly normEpsilon: number;
  readonly ropeBase: number;
  /** Elements of a head that rotate. */
  readonly rotarySize: number;
  /** Where attention goes over latents. */
  readonly latent?: LatentConfig;
  /** Where feed-forward parts are mixtures of experts. */
  readonly mixture?: MixtureConfig;
}

/**
 * Sizes of a model of the given architecture; `hasTensors` tells whether the file has any whose name begins so.
 * @throws {ModelError} when a size is missing or the sizes do not fit together.
 */
export function readConfig(
  architecture: string,
  values: KeyValues,
  vocabulary: number,
  hasTensors: HasTensors = () => false,
): ModelConfig {
  const key: KeyOf = (name) => `${architecture}.${name}`;
  const heads = values.count(key("attention.head_count"));
  const latent = readLatent(key, values);
  const mixture = readMixture(architecture, key, values);
  const contextTokens = values.count(key("context_length"));
  const config: ModelConfig = {
    architecture,
    ...readLayers(architecture, key, values, hasTensors),
    width: values.count(key("embedding_length")),
    heads,
    ...headSizes(key, values, heads, latent),
    hidden: values.count(key("feed_forward_length")),
    vocabulary,
    contextTokens,
    normEpsilon: values.number(key("attention.layer_norm_rms_epsilon")),
    ropeBase: values.optionalNumber(key("rope.freq_base")) ?? 10000,
    ...readRopeScaling(key, values, contextTokens, latent !== undefined),
    ...(latent ? { latent } : {}),
    ...(mixture ? { mixture } : {}),
  };
  checkSizes(config, valueSizeOf(key, values, config));
  return config;
}

/** Sizes of a head; a model with latents has as many keys as queries, whatever the file says of its cache. */
function headSizes(
  key: KeyOf,
  values: KeyValues,
  heads: number,
  latent?: LatentConfig,
): Pick<ModelConfig, "kvHeads" | "headSize" | "rotarySize"> {
  if (latent) {
    const { nopeSize, rotarySize } = latent;
    return { kvHeads: heads, headSize: nopeSize + rotarySize, rotarySize };
  }
  const headSize = values.optionalCount(key("attention.key_length")) ??
    values.count(key("embedding_length")) / heads;
  return {
    kvHeads: values.optionalCount(key("attention.head_count_kv")) ?? heads,
    headSize,
    rotarySize: values.optionalCount(key("rope.dimension_count")) ?? headSize,
  };
}

/** Size of a value where it must be that of a key. */
function valueSizeOf(key: KeyOf, values: KeyValues, { latent, headSize }: ModelConfig): number {
  return latent ? headSize : values.optionalCount(key("attention.value_length")) ?? headSize;
}

/** Layers that no real model exceeds. */
const MAX_LAYERS = 4096;

function checkSizes(config: ModelConfig, valueSize: number): void {
  const { layers, width, heads, kvHeads, headSize, rotarySize, vocabulary, contextTokens } = config;
  const problems: [boolean, string][] = [
    [layers >= 1 && layers <= MAX_LAYERS, `${layers} layers`],
    [isSize(width), `width ${width}`],
    [isSize(heads), `${heads} heads`],
    [kvHeads >= 1 && heads % kvHeads === 0, `${heads} heads over ${kvHeads} KV heads`],
    [
      isHeadSize(headSize),
      `head size ${headSize} (a multiple of 4 up to ${MAX_HEAD_SIZE} is supported)`,
    ],
    [valueSize === headSize, `keys of ${headSize} and values of ${valueSize}`],
    [
      rotarySize >= 2 && rotarySize <= headSize && rotarySize % 2 === 0,
      `${rotarySize} rotary of ${headSize}`,
    ],
    [isSize(config.hidden), `feed-forward size ${config.hidden}`],
    [isSize(vocabulary), `vocabulary ${vocabulary}`],
    [contextTokens >= 1 && contextTokens < 2 ** 31, `context ${contextTokens}`],
    [config.normEpsilon >= 0 && config.normEpsilon < 1, `norm epsilon ${config.normEpsilon}`],
    [config.ropeBase > 0 && Number.isFinite(config.ropeBase), `RoPE base ${config.ropeBase}`],
    ...ropeProblems(config),
    ...latentProblems(config.latent),
    ...mixtureProblems(config.mixture, layers),
  ];
  for (const [fine, what] of problems) {
    if (!fine) throw new ModelError(`The ${config.architecture} model cannot have ${what}`);
  }
}
