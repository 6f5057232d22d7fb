/** Tells a model's own layers from those that guess further tokens (DeepSeek-V3 2412.19437, section 2.2). Reads no tensors. */
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
  const counted = blocks - named;
  const layers = [counted, blocks].find((layer) => hasTensors(`blk.${layer}.nextn.`));
  if (layers !== undefined) return { layers, nextLayers: named };
  // Whoever dropped them may have left them in the count.
  return { layers: counted > 0 && !hasTensors(`blk.${blocks - 1}.`) ? counted : blocks };
}
