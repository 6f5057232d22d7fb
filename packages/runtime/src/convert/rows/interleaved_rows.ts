/** Reorders the rows of q and k from halves that rotate together to neighbours that do. Moves bytes, computes nothing. */
import type { FloatTensor } from "../../quantize/mod.ts";

/**
 * A tensor of whole heads with the rows 0 D/2 1 D/2+1 ... of each: Hugging Face's Llama rotates element i with i + D/2, GGUF's
 * with its neighbour (llama.cpp's converter reorders likewise). Reads one head at a time.
 */
export function interleavedRows(
  tensor: FloatTensor,
  headSize: number,
  rowBytes: number,
): FloatTensor {
  return {
    ...tensor,
    async readRows(first, into, signal) {
      const head = new Uint8Array(headSize * rowBytes);
      let loaded = -1;
      const count = into.length / rowBytes;
      for (let i = 0; i < count; i++) {
        const start = first + i - (first + i) % headSize;
        if (start !== loaded) await tensor.readRows(start, head, signal);
        loaded = start;
        const place = first + i - start;
        const from = (place % 2) * headSize / 2 + (place >> 1);
        into.set(head.subarray(from * rowBytes, (from + 1) * rowBytes), i * rowBytes);
      }
    },
  };
}
