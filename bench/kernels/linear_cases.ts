/** `linear` and its backward passes as cases: formats, shapes and counts of rows; the forward over as many copies of the weights
 * as a model is large. */
import type { BenchCore } from "./bench_core.ts";
import type { KernelCase, Prepared } from "./kernel_case.ts";
import { packedType, randomFloats, randomRows } from "./random_rows.ts";

const TILE_ROWS = 8;
/** Rows that are made; the others repeat their bytes, since no kernel's time depends on values. */
const MADE_ROWS = 64;
const SEED = 1;
/** With more rows than this the arithmetic takes so long that it hardly matters where the weights come from. */
export const MAX_STREAMED_ROWS = 8;

/** Columns (inputs) and outputs of a matrix. */
export interface MatrixShape {
  readonly cols: number;
  readonly outputs: number;
}

/** Whether rows of these columns exist in a format. */
export function fits(format: string, { cols }: MatrixShape): boolean {
  return cols % packedType(format).blockSize === 0;
}

/** One case of `linear`; copies of the weights fill `setBytes`. */
export function linearCase(
  format: string,
  shape: MatrixShape,
  rows: number,
  setBytes: number,
): KernelCase {
  const { cols, outputs } = shape;
  const { blockSize, blockBytes } = packedType(format);
  const bytes = (outputs * cols / blockSize) * blockBytes;
  const copies = rows > MAX_STREAMED_ROWS ? 1 : Math.max(1, Math.ceil(setBytes / bytes));
  return {
    ...{ kernel: `linear ${format}`, shape: `${cols}x${outputs}`, rows, bytes },
    macs: rows * cols * outputs,
    prepare: (core) => prepare(core, format, shape, rows, copies),
  };
}

function prepare(
  core: BenchCore,
  format: string,
  { cols, outputs }: MatrixShape,
  rows: number,
  copies: number,
): Prepared {
  const { exports } = core;
  const { id, quantized } = packedType(format);
  const packedBytes = exports.packed_bytes(id, outputs, cols);
  const packed = core.room(copies * packedBytes);
  fillWeights(core, format, cols, packed, copies * packedBytes);
  const x = core.place(randomFloats(rows * cols, SEED));
  const act = core.room(exports.activation_bytes(rows, cols));
  const out = core.room(4 * rows * outputs);
  if (quantized) exports.quantize_rows(x, act, rows, cols);
  const lists = Array.from(
    { length: copies },
    (_, copy) => core.place(Int32Array.of(id, packed + copy * packedBytes, 0, out, outputs)),
  );
  return {
    copies,
    run: (copy) => exports.linear(lists[copy], 1, x, act, rows, cols),
    output: () => core.read(out, rows * outputs),
  };
}

/** The backward pass of `linear` by its input, through weights of a format. */
export function inputGradientCase(
  format: string,
  { cols, outputs }: MatrixShape,
  rows: number,
): KernelCase {
  const { id, blockSize, blockBytes } = packedType(format);
  return {
    ...{ kernel: `d input ${format}`, shape: `${cols}x${outputs}`, rows },
    ...{ bytes: outputs * cols / blockSize * blockBytes, macs: rows * cols * outputs },
    prepare: (core) => {
      const packedBytes = core.exports.packed_bytes(id, outputs, cols);
      const packed = core.room(packedBytes);
      fillWeights(core, format, cols, packed, packedBytes);
      const d = core.place(randomFloats(rows * outputs, SEED));
      const out = core.room(4 * rows * cols);
      return {
        copies: 1,
        run: () =>
          core.exports.linear_input_gradient(id, packed, d, out, rows, 1, cols, outputs, 0),
        output: () => core.read(out, rows * cols),
      };
    },
  };
}

/** The backward pass of `linear` by its weights, f32. */
export function weightGradientCase({ cols, outputs }: MatrixShape, rows: number): KernelCase {
  const count = Math.ceil(outputs / TILE_ROWS) * TILE_ROWS * cols;
  return {
    ...{ kernel: "d weight F32", shape: `${cols}x${outputs}`, rows },
    ...{ bytes: 4 * outputs * cols, macs: rows * cols * outputs },
    prepare: (core) => {
      const d = core.place(randomFloats(rows * outputs, SEED));
      const x = core.place(randomFloats(rows * cols, SEED + 1));
      const into = core.place(new Float32Array(count));
      return {
        copies: 1,
        run: () => core.exports.linear_weight_gradient(d, x, into, rows, 1, cols, outputs),
        output: () => core.read(into, count),
      };
    },
  };
}

/** Fills memory with packed tiles. */
export function fillWeights(
  core: BenchCore,
  format: string,
  cols: number,
  at: number,
  bytes: number,
): void {
  const { exports } = core;
  const { id } = packedType(format);
  const made = exports.packed_bytes(id, MADE_ROWS, cols);
  const piece = core.room(made);
  const file = core.place(randomRows(format, MADE_ROWS, cols, SEED));
  const status = exports.pack_rows(id, file, piece, MADE_ROWS / TILE_ROWS, cols, TILE_ROWS);
  if (status !== 0) throw new RangeError(`The core refused to pack ${format}: status ${status}`);
  for (let done = 0; done < bytes; done += made) {
    exports.copy_bytes(piece, at + done, Math.min(made, bytes - done));
  }
}
