/** Rotary positions, there and back, by plain loops in float64. */
import type { Batch } from "../../../packages/runtime/src/batch.ts";
import type { Rope } from "../../../packages/runtime/src/ops.ts";
import type { Tensor } from "../../../packages/runtime/src/tensor.ts";
import { valuesOf, zeros } from "./values.ts";

/** Rotates by each row's position; `direction` -1 is the transposed rotation, which is the gradient. */
export function rotate(x: Tensor, batch: Batch, rope: Rope, direction: 1 | -1): Tensor {
  const { headSize, rotarySize, rotaryStart = 0, base, pairing, magnitude = 1 } = rope;
  const factors = rope.frequencyFactors && valuesOf(rope.frequencyFactors);
  const { tensor, values } = zeros(x.shape);
  values.set(valuesOf(x));
  const from = valuesOf(x);
  const cols = x.shape[1];
  const pairs = rotarySize / 2;
  for (const { start, length, firstPosition } of batch.segments) {
    for (let row = start; row < start + length; row++) {
      const position = firstPosition + row - start;
      for (let first = row * cols + rotaryStart; first < (row + 1) * cols; first += headSize) {
        for (let pair = 0; pair < pairs; pair++) {
          const angle = position * base ** (-2 * pair / rotarySize) / (factors?.[pair] ?? 1);
          const a = first + (pairing === "interleaved" ? 2 * pair : pair);
          const b = a + (pairing === "interleaved" ? 1 : pairs);
          const cos = Math.cos(angle) * magnitude;
          const sin = Math.sin(angle) * magnitude * direction;
          values[a] = from[a] * cos - from[b] * sin;
          values[b] = from[a] * sin + from[b] * cos;
        }
      }
    }
  }
  return tensor;
}
