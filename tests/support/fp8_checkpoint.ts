/** FP8 folders and what they mean: the reference rule in plain words, an oracle for the converter. Reads no files. */
import type { CheckpointFiles, FileTensor } from "./checkpoint_files.ts";

const BLOCK = 128;

/** The float32 that an E4M3 code stands for (OCP 8-bit floating point, table 1); 0x7f and 0xff are no numbers. */
export function e4m3(code: number): number {
  const text = code.toString(2).padStart(8, "0");
  const [exponent, fraction] = [parseInt(text.slice(1, 5), 2), parseInt(text.slice(5), 2)];
  const size = exponent === 0 ? 2 ** -6 * (fraction / 8) : 2 ** (exponent - 7) * (1 + fraction / 8);
  const value = exponent === 15 && fraction === 7 ? NaN : size;
  return text[0] === "1" ? -value : value;
}

/** Gives every matrix of projections FP8 values and scales, whatever it held; the numbers are drawn, but always the same. */
export function becomeFp8(files: CheckpointFiles): void {
  let state = 1;
  const draw = () => state = Math.imul(state, 1103515245) + 12345 >>> 0;
  files.config.quantization_config = {
    activation_scheme: "dynamic",
    fmt: "e4m3",
    quant_method: "fp8",
    weight_block_size: [BLOCK, BLOCK],
  };
  for (const [name, { shape }] of [...files.tensors]) {
    if (!/_proj(_with_mqa)?\.weight$/.test(name)) continue;
    const data = Uint8Array.from({ length: shape[0] * shape[1] }, () => {
      const code = draw() >>> 16 & 255;
      return (code & 127) === 127 ? code - 1 : code;
    });
    files.tensors.set(name, { dtype: "F8_E4M3", shape, data });
    const scaleShape = shape.map((size) => Math.ceil(size / BLOCK));
    const scales = Float32Array.from(
      { length: scaleShape[0] * scaleShape[1] },
      () => (1 + draw() / 2 ** 32) / 3000,
    );
    files.setFloats(`${name}_scale_inv`, scaleShape, scales);
  }
}

/** Replaces FP8 matrices by float32 ones: each value times the scale of its block, in float32. */
export function unpackFp8(files: CheckpointFiles): void {
  delete files.config.quantization_config;
  for (const [name, tensor] of [...files.tensors]) {
    if (tensor.dtype !== "F8_E4M3") continue;
    const scales = files.tensors.get(`${name}_scale_inv`) as FileTensor;
    files.setFloats(name, tensor.shape, unpacked(tensor, scales));
    files.tensors.delete(`${name}_scale_inv`);
  }
}

function unpacked({ shape, data }: FileTensor, scales: FileTensor): Float32Array<ArrayBuffer> {
  const [rows, cols] = shape;
  const factors = new Float32Array(scales.data.buffer);
  const values = new Float32Array(rows * cols);
  for (let row = 0; row < rows; row++) {
    for (let col = 0; col < cols; col++) {
      const block = Math.floor(row / BLOCK) * scales.shape[1] + Math.floor(col / BLOCK);
      values[row * cols + col] = Math.fround(e4m3(data[row * cols + col]) * factors[block]);
    }
  }
  return values;
}
