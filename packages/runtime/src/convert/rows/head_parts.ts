/** Cuts the matrix that makes keys and values out of a latent in the two that absorbed attention wants. Moves values, computes nothing. */
import type { FloatTensor } from "../../quantize/mod.ts";

/** How the rows of a head are shared out. */
export interface HeadParts {
  readonly heads: number;
  /** N, rows that make keys; they come first. */
  readonly nopeSize: number;
  /** Dv, rows that make values. */
  readonly valueSize: number;
}

/**
 * Of a matrix [H (N + Dv), R] the rows of keys, those of each head transposed: H times R rows of N. Queries times this are
 * queries for the latent itself (DeepSeek-V2 2405.04434, 2.1.2). Reads one head at a time.
 */
export function keyParts(tensor: FloatTensor, parts: HeadParts): FloatTensor {
  const { heads, nopeSize, valueSize } = parts;
  const [rank] = tensor.dims;
  const valueBytes = tensor.type.blockBytes;
  const Values = valueBytes === 4 ? Uint32Array : Uint16Array;
  return {
    ...tensor,
    dims: [nopeSize, rank, heads],
    async readRows(first, into, signal) {
      const head = new Values(nopeSize * rank);
      const row = new Values(nopeSize);
      let loaded = -1;
      const rowBytes = nopeSize * valueBytes;
      const end = first + into.length / rowBytes;
      for (let i = first; i < end; i++) {
        const [h, r] = [Math.floor(i / rank), i % rank];
        if (h !== loaded) {
          await tensor.readRows(h * (nopeSize + valueSize), new Uint8Array(head.buffer), signal);
        }
        loaded = h;
        for (let n = 0; n < nopeSize; n++) row[n] = head[n * rank + r];
        into.set(new Uint8Array(row.buffer), (i - first) * rowBytes);
      }
    },
  };
}

/** Of the same matrix the rows of values: H times Dv rows of R. */
export function valueParts(tensor: FloatTensor, name: string, parts: HeadParts): FloatTensor {
  const { heads, nopeSize, valueSize } = parts;
  const [rank] = tensor.dims;
  const rowBytes = rank * tensor.type.blockBytes;
  return {
    ...tensor,
    name,
    dims: [rank, valueSize, heads],
    async readRows(first, into, signal) {
      const end = first + into.length / rowBytes;
      for (let i = first; i < end;) {
        const [h, v] = [Math.floor(i / valueSize), i % valueSize];
        const count = Math.min(valueSize - v, end - i);
        const start = (i - first) * rowBytes;
        const part = into.subarray(start, start + count * rowBytes);
        await tensor.readRows(h * (nopeSize + valueSize) + nopeSize + v, part, signal);
        i += count;
      }
    },
  };
}
