/** FP8 weights with block scales as rows of F32. Reads some rows at a time and finds no scales itself. */
import { CheckpointError } from "../../errors.ts";
import { type GgmlType, ggmlTypeByName } from "../../gguf/mod.ts";
import type { FloatTensor } from "../../quantize/mod.ts";
import { FP8_BLOCK } from "../checkpoint/fp8_scales.ts";
import type { PlacedTensor } from "../checkpoint/weight_files.ts";
import { widened } from "./widened_rows.ts";

/** The codes that are no numbers. */
const HOLES = [0x7f, 0xff];
/** The value of every E4M3 code: sign, 4 bits of exponent (bias 7), 3 of fraction. */
const E4M3: Float32Array = Float32Array.from({ length: 256 }, (_, code) => {
  const [exponent, fraction] = [code >> 3 & 15, code & 7];
  const size = exponent === 0 ? fraction * 2 ** -9 : (8 + fraction) * 2 ** (exponent - 10);
  const value = (code & 0x7f) === 0x7f ? NaN : size;
  return code < 0x80 ? value : -value;
});

/**
 * An FP8 matrix [rows, cols] and its scales [rows / 128, cols / 128] as F32: each value times its block's scale, rounded
 * once. Holds 128 rows at a time.
 *
 * `readRows` throws a CheckpointError that names the tensor where a value is no number.
 */
export function fp8Rows(stored: PlacedTensor, scales: PlacedTensor, name: string): FloatTensor {
  const [, cols] = stored.shape;
  const [, scaleCols] = scales.shape;
  const scaleBytes = scales.sizeBytes / scales.shape[0];
  const readScales = async (block: number, signal?: AbortSignal): Promise<Float32Array> => {
    const bytes = new Uint8Array(scaleBytes);
    await scales.source.read(scales.offset + block * scaleBytes, bytes, signal);
    return widened(bytes, scales.dtype, scaleCols);
  };
  return {
    name,
    dims: stored.shape.toReversed(),
    type: ggmlTypeByName("F32") as GgmlType,
    async readRows(first, into, signal) {
      const end = first + into.length / (4 * cols);
      for (let row = first; row < end;) {
        const block = Math.floor(row / FP8_BLOCK);
        const count = Math.min(end, (block + 1) * FP8_BLOCK) - row;
        const codes = new Uint8Array(count * cols);
        await stored.source.read(stored.offset + row * cols, codes, signal);
        const values = scaled(codes, cols, await readScales(block, signal));
        // Searched apart from the product: a scale that is no number is another fault.
        const hole = HOLES.map((code) => codes.indexOf(code)).find((place) => place >= 0);
        if (hole !== undefined) {
          throw notANumber(stored, row + Math.floor(hole / cols), hole % cols);
        }
        into.set(new Uint8Array(values.buffer), (row - first) * cols * 4);
        row += count;
      }
    },
  };
}

/** Rows of one row of blocks. A product of two float32 is exact in a double, so that storing rounds once. */
function scaled(codes: Uint8Array, cols: number, scales: Float32Array): Float32Array<ArrayBuffer> {
  const values = new Float32Array(codes.length);
  for (let start = 0; start < codes.length; start += cols) {
    for (let block = 0; block < scales.length; block++) {
      const scale = scales[block];
      const end = start + Math.min(cols, (block + 1) * FP8_BLOCK);
      for (let i = start + block * FP8_BLOCK; i < end; i++) values[i] = E4M3[codes[i]] * scale;
    }
  }
  return values;
}

function notANumber({ name, source }: PlacedTensor, row: number, col: number): CheckpointError {
  return new CheckpointError(
    `Tensor ${name} of ${source.name} holds a value that is no number (row ${row}, column ${col})`,
    source.name,
  );
}
