/** A model whose values overflow where one token is read. Tests nothing. */
import { modelSpec, patched, withTensor, type writeModel } from "./edited_model.ts";

/** The token. */
export const BAD = 7;

function f32(...numbers: number[]): Uint8Array {
  return new Uint8Array(Float32Array.from(numbers).buffer);
}

/** A model whose first values overflow where `BAD` is read: only its embedding has a first number, and its weight is large. */
export async function overflowing(): Promise<Parameters<typeof writeModel>[1]> {
  const spec = await modelSpec("models/llama_untied/gguf/model-F32.gguf");
  const embedded = withTensor(spec, "token_embd.weight", (tensor) => {
    const [columns, rows] = tensor.dims.map(Number);
    const numbers = new Float32Array(new Uint8Array(tensor.data ?? []).buffer);
    for (let row = 0; row < rows; row++) numbers[row * columns] = 0;
    numbers.fill(0, BAD * columns, (BAD + 1) * columns);
    numbers[BAD * columns] = 1;
    return { ...tensor, data: new Uint8Array(numbers.buffer) };
  });
  const normed = withTensor(
    embedded,
    "blk.0.attn_norm.weight",
    (one) => patched(one, 0, [...f32(2)]),
  );
  return withTensor(normed, "blk.0.attn_v.weight", (one) => patched(one, 0, [...f32(3.3e38)]));
}
