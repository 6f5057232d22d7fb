/** WGSL of the ops that read weights: embed and linear, for every format. Sizes stand in the text, rows come from the buffers. */
import { storage, THREAD, unroll } from "./kernel_text.ts";
import { FORMAT_FUNCTIONS, type WeightFormat } from "./weight_formats.ts";

/** Rows of x that a thread of `linear` multiplies with one row of the weight. */
export const LINEAR_ROWS = 4;
/** Outputs of a workgroup of `linear`. */
export const LINEAR_OUTPUTS = 64;

const LETTERS = ["x", "y", "z", "w"] as const;

/** Bindings ids, w, out; a thread makes 32 columns (x) of a row (y). */
export function embedKernel(format: WeightFormat, cols: number): string {
  return `
${storage("ids: array<u32>", "w: array<u32>", "out: array<vec4f>")}
${FORMAT_FUNCTIONS}
@compute @workgroup_size(1) fn main(${THREAD}) {
  let n = ids[id.y];
  let b = id.x;
  ${format.columns(cols)}
  let to = id.y * ${cols / 4}u + 8u * b;
  ${unroll(8, (i) => `out[to + ${i}u] = w${i};`)}
}`;
}

/** Bindings x, w, bias where there is one, out; a thread makes one output of four rows, each a chain of its own. */
export function linearKernel(
  format: WeightFormat,
  cols: number,
  outputs: number,
  biased: boolean,
): string {
  const rows = (line: (row: number) => string) => unroll(LINEAR_ROWS, line);
  const bias = biased ? ["bias: array<f32>"] : [];
  const multiply = (row: number, quad: number) => `
    let x${row}_${quad} = x[x${row} + 8u * b + ${quad}u];
    ${
    LETTERS.map((l) => `sum${row} = fma(w${quad}.${l}, x${row}_${quad}.${l}, sum${row});`).join(
      "\n",
    )
  }`;
  return `
${storage("x: array<vec4f>", "w: array<u32>", ...bias, "out: array<f32>")}
${FORMAT_FUNCTIONS}
@compute @workgroup_size(${LINEAR_OUTPUTS}) fn main(${THREAD}) {
  let n = id.x;
  if (n >= ${outputs}u) { return; }
  let rows = arrayLength(&out) / ${outputs}u;
  let first = ${LINEAR_ROWS}u * id.y;
  ${
    rows((row) => `
  let x${row} = min(first + ${row}u, rows - 1u) * ${cols / 4}u;
  var sum${row} = 0.0;`)
  }
  for (var b = 0u; b < ${cols / 32}u; b++) {
    ${format.columns(cols)}
    ${unroll(8, (quad) => rows((row) => multiply(row, quad)))}
  }
  ${
    rows((row) => `
  if (first + ${row}u < rows) {
    out[(first + ${row}u) * ${outputs}u + n] = sum${row}${biased ? " + bias[n]" : ""};
  }`)
  }
}`;
}
