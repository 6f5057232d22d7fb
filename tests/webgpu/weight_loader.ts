/** Streams stored tensors into buffers as they stand in the file: no packing, no look at single values but of vectors. */
import { ModelError, UnsupportedError } from "../../packages/runtime/src/errors.ts";
import type { ReadTensor, StoredTensor } from "../../packages/runtime/src/ops.ts";
import type { Tensor, Weight } from "../../packages/runtime/src/tensor.ts";
import type { GpuDevice } from "./device.ts";
import { gpuTensor, type GpuWeight } from "./storage.ts";
import { WEIGHT_FORMATS } from "./weight_formats.ts";

const STAGING_BYTES = 1 << 20;
/** Columns that the kernels take at once. */
const KERNEL_COLS = 32;

/** A matrix `[rows, cols]` in its file's blocks. */
export async function loadGpuWeight(
  device: GpuDevice,
  { name, type, rows, cols, sizeBytes }: StoredTensor,
  read: ReadTensor,
): Promise<Weight> {
  const format = WEIGHT_FORMATS[type];
  if (!format) {
    const known = Object.keys(WEIGHT_FORMATS).join(" ");
    throw new UnsupportedError(`${name} is stored as ${type}, this spike knows ${known}`, type);
  }
  const { blockCols, blockBytes } = format;
  const fits = rows * cols / blockCols * blockBytes === sizeBytes;
  if (cols % KERNEL_COLS !== 0 || cols % blockCols !== 0 || !fits) {
    throw new ModelError(`${name} [${rows}, ${cols}] of ${type} cannot have ${sizeBytes} bytes`);
  }
  const buffer = device.buffer(sizeBytes);
  for (let start = 0; start < sizeBytes; start += STAGING_BYTES) {
    const bytes = Math.min(STAGING_BYTES, sizeBytes - start);
    const staged = new Uint8Array(Math.ceil(bytes / 4) * 4);
    await read(start, staged.subarray(0, bytes));
    device.write(buffer, start, staged);
  }
  const storage = { buffer, sizeBytes: buffer.size };
  const weight: GpuWeight = { name, type, rows, cols, storage };
  return weight;
}

/** A vector of f32; the host keeps its values too. */
export async function loadGpuVector(
  device: GpuDevice,
  { name, type, cols }: StoredTensor,
  read: ReadTensor,
): Promise<Tensor> {
  if (type !== "F32") {
    throw new UnsupportedError(`${name} is stored as ${type}, only F32 vectors are known`, type);
  }
  const values = new Float32Array(cols);
  await read(0, new Uint8Array(values.buffer));
  const buffer = device.buffer(values.byteLength);
  device.write(buffer, 0, values);
  return gpuTensor([cols], buffer, values);
}
