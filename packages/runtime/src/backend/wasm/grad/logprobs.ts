/** Log-probabilities' backward pass and entropies on wasm, a few rows at a time: logits `[rows, V]` never exist whole. */
import type { Gradient } from "../../grad_ops.ts";
import type { Tensor, Weight } from "../../../tensor.ts";
import { expectDone, expectSize } from "../ops.ts";
import { addressOf, type WasmTensor, wasmTensor } from "../storage.ts";
import type { GradMemory } from "./grad_memory.ts";
import { addWeightGradient, writeInputGradient } from "./products.ts";

/** Logits that are held at a time: so many rows that the head is read out of its packed form for little beside its products. */
const LOGITS_CHUNK_BYTES = 32 << 20;

/** A tensor's rows `start..start + count` as a tensor. */
function rowsOf(tensor: Tensor, start: number, count: number): WasmTensor {
  const [, cols = 1] = tensor.shape;
  const shape = tensor.shape.length === 1 ? [count] : [count, cols];
  return wasmTensor("f32", shape, addressOf(tensor) + 4 * start * cols);
}

/** Calls back with the rows and the logits of each chunk. */
function inChunks(
  { ops }: GradMemory,
  x: Tensor,
  head: Weight,
  take: (start: number, count: number, logits: Tensor) => void,
): void {
  const [rows] = x.shape;
  const chunk = Math.max(1, Math.floor(LOGITS_CHUNK_BYTES / (4 * head.rows)));
  for (let start = 0; start < rows; start += chunk) {
    const count = Math.min(chunk, rows - start);
    using _chunk = ops.scope();
    take(start, count, ops.linear(rowsOf(x, start, count), head));
  }
}

/** `GradOps.tokenLogprobs`. */
export function logprobGradient(
  grad: GradMemory,
  d: Tensor,
  x: Tensor,
  head: Weight,
  { targets, temperature }: { readonly targets: Int32Array; readonly temperature: number },
  into?: Gradient,
): Tensor {
  const [rows, cols] = x.shape;
  expectSize("backward of tokenLogprobs: d", d.shape[0], rows);
  expectSize("backward of tokenLogprobs: targets", targets.length, rows);
  const out = grad.f32([rows, cols]);
  inChunks(grad, x, head, (start, count, logits) => {
    const own = rowsOf(d, start, count);
    const ids = grad.i32(targets.subarray(start, start + count));
    // deno-fmt-ignore
    const status = grad.core.logprob_gradient(
      addressOf(own), addressOf(logits), ids, count, head.rows, temperature,
    );
    expectDone("backward of tokenLogprobs", status);
    writeInputGradient(grad, logits, head, 1, rowsOf(out, start, count));
    if (into) addWeightGradient(grad, logits, rowsOf(x, start, count), 1, into);
  });
  return out;
}

/** `GradOps.entropies`. */
export function entropiesInChunks(
  grad: GradMemory,
  x: Tensor,
  head: Weight,
  temperature: number,
): Tensor {
  const out = grad.f32([x.shape[0]]);
  inChunks(grad, x, head, (start, count, logits) => {
    const to = addressOf(rowsOf(out, start, count));
    const status = grad.core.entropies(addressOf(logits), to, count, head.rows, temperature);
    expectDone("entropies", status);
  });
  return out;
}
