/** Finds the scales of FP8 weights and checks that they fit. Reads no values. */
import { CheckpointError } from "../../errors.ts";
import { tensorLabel } from "./safetensors.ts";
import type { PlacedTensor, WeightFiles } from "./weight_files.ts";

/** Rows and columns that share a scale (DeepSeek-V3 2412.19437, 3.3.2). */
export const FP8_BLOCK = 128;
/** What safetensors calls E4M3 (OCP's E4M3FN: no infinities, one NaN of each sign). */
export const FP8_DTYPE = "F8_E4M3";

const SUFFIX = "_scale_inv";
/** Qwen's files have BF16 scales. */
const SCALE_DTYPES = ["F32", "BF16"];

/**
 * The scales of an FP8 matrix, one for each block, those at the edges ragged.
 * @throws {CheckpointError} if they are missing or of another shape or type
 */
export function scalesOf(
  { name, shape, source }: PlacedTensor,
  tensors: WeightFiles["tensors"],
): PlacedTensor {
  const scales = tensors.get(name + SUFFIX);
  if (!scales) {
    throw new CheckpointError(
      `Tensor ${tensorLabel(name)} of ${source.name} is ${FP8_DTYPE} without its ${name}${SUFFIX}`,
      source.name,
    );
  }
  const wanted = shape.map((size) => Math.ceil(size / FP8_BLOCK));
  const fits = shape.length === 2 && scales.shape.length === 2 &&
    scales.shape.every((size, i) => size === wanted[i]) && SCALE_DTYPES.includes(scales.dtype);
  if (fits) return scales;
  throw new CheckpointError(
    `Tensor ${scales.name} of ${scales.source.name} is ${scales.dtype} [${scales.shape}], ` +
      `the blocks of ${name} [${shape}] ask for F32 [${wanted}]`,
    scales.source.name,
  );
}

/** Whether a tensor holds the scales of an FP8 one, and so has a place with it. */
export function isScale(name: string, tensors: WeightFiles["tensors"]): boolean {
  return name.endsWith(SUFFIX) &&
    tensors.get(name.slice(0, -SUFFIX.length))?.dtype === FP8_DTYPE;
}
