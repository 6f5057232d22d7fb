/** The backward passes of `linear` and `headLinear` on wasm: checks shapes, calls the core. */
import type { Gradient } from "../../grad_ops.ts";
import type { Tensor, Weight } from "../../../tensor.ts";
import { expectDone, expectSize } from "../ops.ts";
import { addressOf, packedOf } from "../storage.ts";
import { TILE_ROWS } from "../weight_loader.ts";
import type { GradMemory } from "./grad_memory.ts";
import { placeOf } from "./parameters.ts";

/** Writes d x `[rows, heads * K]` to `out`: d `[rows, N]` head by head times the weight `[N, K]`. */
export function writeInputGradient(
  { core }: GradMemory,
  d: Tensor,
  weight: Weight,
  heads: number,
  out: Tensor,
): void {
  const { name, cols } = weight;
  expectSize(`backward of linear with ${name}: outputs`, d.shape[1], weight.rows);
  const { address, typeId } = packedOf(weight);
  // deno-fmt-ignore
  const status = core.linear_input_gradient(
    typeId, address, addressOf(d), addressOf(out), d.shape[0], heads, cols, weight.rows / heads, 0,
  );
  expectDone("backward of linear", status);
}

/** d x of `linear`, or of `headLinear` for more than one head. */
export function inputGradient(
  grad: GradMemory,
  d: Tensor,
  weight: Weight,
  heads: number,
): Tensor {
  const out = grad.f32([d.shape[0], heads * weight.cols]);
  writeInputGradient(grad, d, weight, heads, out);
  return out;
}

/** Adds d^T x of each head to the gradient of a weight. */
export function addWeightGradient(
  { core }: GradMemory,
  d: Tensor,
  x: Tensor,
  heads: number,
  into: Gradient,
): void {
  const [outputs, cols] = into.shape;
  const [rows] = d.shape;
  expectSize("gradient of a weight: outputs", d.shape[1], outputs);
  expectSize("gradient of a weight: columns", x.shape[1], heads * cols);
  expectSize("gradient of a weight: rows", x.shape[0], rows);
  const { address, parts } = placeOf(into);
  const own = outputs / heads;
  if (own % TILE_ROWS !== 0) expectSize("gradient of a weight: matrices", parts, heads);
  // deno-fmt-ignore
  const status = core.linear_weight_gradient(
    addressOf(d), addressOf(x), address, rows, heads, cols, own,
  );
  expectDone("gradient of a weight", status);
}
