/** Reads F32 tensors out of a safetensors file. No other types, no writing. */
import { readFileSync } from "node:fs";

/** A tensor of a safetensors file. */
export interface StoredTensor {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** All tensors by name. */
export function readSafetensors(path: string): Map<string, StoredTensor> {
  const bytes = readFileSync(path);
  const headerLength = Number(bytes.readBigUInt64LE(0));
  const header: Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  > = JSON.parse(bytes.subarray(8, 8 + headerLength).toString());
  const tensors = new Map<string, StoredTensor>();
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    if (entry.dtype !== "F32") throw new TypeError(`${name} in ${path} is ${entry.dtype}, not F32`);
    const [start, end] = entry.data_offsets;
    const data = bytes.subarray(8 + headerLength + start, 8 + headerLength + end);
    const values = new Float32Array(new Uint8Array(data).buffer);
    tensors.set(name, { shape: entry.shape, values });
  }
  return tensors;
}
