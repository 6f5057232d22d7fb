/** Reads a model's sizes from its metadata, every choice explicit. Knows no tensors. */
import { ModelError, UnsupportedError } from "../errors.ts";

/** Typed look-ups in a model file's key-value pairs; missing or mistyped keys throw. */
export interface KeyValues {
  string(key: string): string;
  optionalString(key: string): string | undefined;
  count(key: string): number;
  optionalCount(key: string): number | undefined;
  number(key: string): number;
  optionalNumber(key: string): number | undefined;
}

/** Sizes of a decoder-only transformer. */
export interface ModelConfig {
  readonly architecture: string;
  readonly layers: number;
  /** C. */
  readonly width: number;
  /** H. */
  readonly heads: number;
  readonly kvHeads: number;
  /** D. */
  readonly headSize: number;
  /** F. */
  readonly hidden: number;
  /** V. */
  readonly vocabulary: number;
  /** Positions the model was trained for. */
  readonly contextTokens: number;
  readonly normEpsilon: number;
  readonly ropeBase: number;
  /** Elements of a head that rotate. */
  readonly rotarySize: number;
  /** Linear position interpolation: frequencies are divided by this. */
  readonly ropeLinearFactor: number;
}

/**
 * Sizes of a model of the given architecture.
 * @throws {ModelError} when a size is missing or the sizes do not fit together.
 */
export function readConfig(
  architecture: string,
  values: KeyValues,
  vocabulary: number,
): ModelConfig {
  const key = (name: string) => `${architecture}.${name}`;
  const width = values.count(key("embedding_length"));
  const heads = values.count(key("attention.head_count"));
  const headSize = values.optionalCount(key("attention.key_length")) ?? width / heads;
  const config: ModelConfig = {
    architecture,
    layers: values.count(key("block_count")),
    width,
    heads,
    kvHeads: values.optionalCount(key("attention.head_count_kv")) ?? heads,
    headSize,
    hidden: values.count(key("feed_forward_length")),
    vocabulary,
    contextTokens: values.count(key("context_length")),
    normEpsilon: values.number(key("attention.layer_norm_rms_epsilon")),
    ropeBase: values.optionalNumber(key("rope.freq_base")) ?? 10000,
    rotarySize: values.optionalCount(key("rope.dimension_count")) ?? headSize,
    ropeLinearFactor: linearFactor(key, values),
  };
  checkSizes(config, values.optionalCount(key("attention.value_length")) ?? headSize);
  return config;
}

function linearFactor(key: (name: string) => string, values: KeyValues): number {
  const type = values.optionalString(key("rope.scaling.type")) ?? "none";
  if (type === "none") return 1;
  if (type === "linear") return values.number(key("rope.scaling.factor"));
  throw new UnsupportedError(`RoPE scaling of type ${type} is not supported yet`, type);
}

/** Sizes that no real model exceeds; beyond them a file is damaged or hostile. */
const MAX_LAYERS = 4096;
const MAX_SIZE = 2 ** 24;
const MAX_HEAD_SIZE = 576;

function checkSizes(config: ModelConfig, valueSize: number): void {
  const { layers, width, heads, kvHeads, headSize, rotarySize, vocabulary, contextTokens } = config;
  const factor = config.ropeLinearFactor;
  const problems: [boolean, string][] = [
    [layers >= 1 && layers <= MAX_LAYERS, `${layers} layers`],
    [width >= 1 && width <= MAX_SIZE, `width ${width}`],
    [heads >= 1 && heads <= MAX_SIZE, `${heads} heads`],
    [kvHeads >= 1 && heads % kvHeads === 0, `${heads} heads over ${kvHeads} KV heads`],
    [
      Number.isInteger(headSize) && headSize >= 4 && headSize <= MAX_HEAD_SIZE &&
      headSize % 4 === 0,
      `head size ${headSize} (a multiple of 4 up to ${MAX_HEAD_SIZE} is supported)`,
    ],
    [valueSize === headSize, `keys of ${headSize} and values of ${valueSize}`],
    [
      rotarySize >= 2 && rotarySize <= headSize && rotarySize % 2 === 0,
      `${rotarySize} rotary of ${headSize}`,
    ],
    [config.hidden >= 1 && config.hidden <= MAX_SIZE, `feed-forward size ${config.hidden}`],
    [vocabulary >= 1 && vocabulary <= MAX_SIZE, `vocabulary ${vocabulary}`],
    [contextTokens >= 1 && contextTokens < 2 ** 31, `context ${contextTokens}`],
    [config.normEpsilon >= 0 && config.normEpsilon < 1, `norm epsilon ${config.normEpsilon}`],
    [config.ropeBase > 0 && Number.isFinite(config.ropeBase), `RoPE base ${config.ropeBase}`],
    [factor > 0 && Number.isFinite(factor), `RoPE scaling factor ${factor}`],
  ];
  for (const [fine, what] of problems) {
    if (!fine) throw new ModelError(`The ${config.architecture} model cannot have ${what}`);
  }
}
