/** F16 and BF16 values as F32, which loses nothing. For small tensors; the core does it for large ones. */
import { type GgmlType, ggmlTypeByName } from "../../gguf/mod.ts";
import type { FloatTensor } from "../../quantize/mod.ts";

/** A tensor with its values as F32. */
export function widenedRows(tensor: FloatTensor): FloatTensor {
  const { type } = tensor;
  if (type.name === "F32") return tensor;
  return {
    ...tensor,
    type: ggmlTypeByName("F32") as GgmlType,
    async readRows(row, into, signal) {
      const bytes = new Uint8Array(into.length / 2);
      await tensor.readRows(row, bytes, signal);
      into.set(new Uint8Array(widened(bytes, type.name, bytes.length / 2).buffer));
    },
  };
}

/** So many values of the type F32, F16 or BF16. */
export function widened(
  bytes: Uint8Array<ArrayBuffer>,
  type: string,
  count: number,
): Float32Array<ArrayBuffer> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values = new Float32Array(count);
  const bits = new Uint32Array(values.buffer);
  for (let i = 0; i < count; i++) {
    if (type === "F32") bits[i] = view.getUint32(4 * i, true);
    else if (type === "BF16") bits[i] = view.getUint16(2 * i, true) << 16;
    else values[i] = float16(view.getUint16(2 * i, true));
  }
  return values;
}

/** IEEE 754 binary16. */
function float16(bits: number): number {
  const [exponent, fraction] = [bits >> 10 & 31, bits & 1023];
  const size = exponent === 31
    ? fraction === 0 ? Infinity : NaN
    : exponent === 0
    ? fraction * 2 ** -24
    : (1024 + fraction) * 2 ** (exponent - 25);
  return bits < 0x8000 ? size : -size;
}
