/** Tells a model's own layers from those that guess further tokens (DeepSeek-V3 2412.19437, section 2.2). Reads no tensors. */
import { UnsupportedError } from "../../errors.ts";
import type { KeyOf, KeyValues } from "./key_values.ts";

/** Whether a file has tensors whose names begin so. */
export type HasTensors = (prefix: string) => boolean;

/** How many layers of which kind. */
export interface LayerCounts {
  readonly layers: number;
  /** None where it is missing. */
  readonly nextLayers?: number;
}

/**
 * llama.cpp counts layers that guess among `block_count` and numbers them after the others; files that do not count them
 * are told by where their tensors stand. Files that name them and have none of their tensors are models without.
 * @throws {UnsupportedError} for more than one, which no published model has
 */
export function readLayers(
  architecture: string,
  key: KeyOf,
  values: KeyValues,
  hasTensors: HasTensors,
): LayerCounts {
  const blocks = values.count(key("block_count"));
  const named = architecture === "deepseek2"
    ? values.optionalCount(key("nextn_predict_layers")) ?? 0
    : 0;
  if (named === 0) return { layers: blocks };
  const isCounted = named < blocks && !hasTensors(`blk.${blocks}.`);
  const layers = isCounted ? blocks - named : blocks;
  if (!hasTensors(`blk.${layers}.`)) return { layers };
  if (named === 1) return { layers, nextLayers: 1 };
  throw new UnsupportedError(
    `A model with ${named} layers for multi-token prediction is not supported yet, only with 1`,
    String(named),
  );
}
