/** Adapters of routed experts as peft has them: one pair for the fused matrices of all experts of a layer. Merges nothing. */
import type { ModelConfig } from "../model/config.ts";
import type { AdapterValues } from "./adapter.ts";
import { type PeftConfig, scaleOf, sizesOfModule } from "./peft_config.ts";
import type { Matrix, ModulePair } from "./peft_weights.ts";

/** Transformers 5 keeps a layer's experts as two tensors of this module; peft wraps one pair in the other. */
const MODULE = /^model\.layers\.(\d+)\.mlp\.experts((?:\.base_layer)*)$/;

/**
 * The adapters of a layer's gate and up, or of its down; undefined for other modules and for sizes that do not fit. A is
 * `[E * r, in]`, expert by expert, B `[out, r * E]` with the experts innermost (peft, `ParamWrapper.get_delta_weight`). Gate
 * and up are one tensor `[E, 2 F, C]` and share A.
 */
export function expertAdapters(
  { module, a, b }: ModulePair,
  peft: PeftConfig,
  { mixture, width, layers }: ModelConfig,
): AdapterValues[] | undefined {
  const [, layer] = MODULE.exec(module) ?? [];
  if (!mixture || layer === undefined || Number(layer) >= layers) return undefined;
  if (Number(layer) < mixture.denseLayers) return undefined;
  const { experts, hidden } = mixture;
  const isDown = a.cols === hidden && b.rows === width;
  const isUp = a.cols === width && b.rows === 2 * hidden;
  if (!isDown && !isUp) return undefined;
  const path = module.replaceAll(".base_layer", "") + (isDown ? ".down_proj" : ".gate_up_proj");
  const sizes = sizesOfModule(peft, path);
  const { rank } = sizes;
  if (a.rows !== experts * rank) return undefined;
  const rows = isDown ? width : hidden;
  const shared = { rows, cols: a.cols, rank, scale: scaleOf(sizes), experts, a: a.values };
  const parts = isDown ? ["down"] : ["gate", "up"];
  return parts.map((part, i) => ({
    ...shared,
    weight: `blk.${layer}.ffn_${part}_exps.weight`,
    b: expertRows(b, i * rows, rows, experts),
  }));
}

/** Of B `[out, r * E]` some rows, as `[E, rows, r]`. */
function expertRows(b: Matrix, first: number, rows: number, experts: number): Float32Array {
  const rank = b.cols / experts;
  const out = new Float32Array(experts * rows * rank);
  for (let expert = 0; expert < experts; expert++) {
    for (let row = 0; row < rows; row++) {
      for (let r = 0; r < rank; r++) {
        const from = (first + row) * b.cols + r * experts + expert;
        out[(expert * rows + row) * rank + r] = b.values[from];
      }
    }
  }
  return out;
}
