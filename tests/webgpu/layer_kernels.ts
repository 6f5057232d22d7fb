/** WGSL of the ops between the products: norm, rope, SwiGLU, add. Sizes stand in the text, rows come from the buffers. */
import { GROUP_AND_LANE, literal, storage, THREAD, unroll } from "./kernel_text.ts";
import type { Rope } from "../../packages/runtime/src/ops.ts";

/** Threads of a workgroup here: of one run in `normKernel`, of as many elements in the others. */
export const LANES = 64;

/** Bindings x, gain, out; a workgroup norms a run of `size` elements: 64 chains, joined pairwise. */
export function normKernel(size: number, epsilon: number): string {
  return `
${storage("x: array<f32>", "gain: array<f32>", "out: array<f32>")}
var<workgroup> sums: array<f32, ${LANES}>;
@compute @workgroup_size(${LANES}) fn main(${GROUP_AND_LANE}) {
  let start = ${size}u * group.x;
  var sum = 0.0;
  for (var i = lane; i < ${size}u; i += ${LANES}u) { sum = fma(x[start + i], x[start + i], sum); }
  sums[lane] = sum;
  workgroupBarrier();
  ${
    unroll(6, (i) => `
  if (lane < ${32 >> i}u) { sums[lane] += sums[lane + ${32 >> i}u]; }
  workgroupBarrier();`)
  }
  let scale = 1.0 / sqrt(sums[0] / ${literal(size)} + ${literal(epsilon)});
  for (var i = lane; i < ${size}u; i += ${LANES}u) { out[start + i] = x[start + i] * scale * gain[i]; }
}`;
}

/** Bindings x, turns `[rows, rotarySize / 2]` of (cos, sin), out; a thread makes one element. */
export function ropeKernel(cols: number, rope: Rope): string {
  const { headSize, rotarySize, rotaryStart = 0, pairing } = rope;
  const half = rotarySize / 2;
  const pair = pairing === "interleaved"
    ? { index: "e / 2u", first: "e - e % 2u", step: 1 }
    : { index: `e % ${half}u`, first: `e % ${half}u`, step: half };
  return `
${storage("x: array<f32>", "turns: array<vec2f>", "out: array<f32>")}
@compute @workgroup_size(${LANES}) fn main(${THREAD}) {
  if (id.x >= arrayLength(&out)) { return; }
  // Before the start it wraps around, beyond all that turns.
  let e = id.x % ${headSize}u - ${rotaryStart}u;
  if (e >= ${rotarySize}u) {
    out[id.x] = x[id.x];
    return;
  }
  let turn = turns[id.x / ${cols}u * ${half}u + ${pair.index}];
  let first = ${pair.first};
  let a = x[id.x - e + first];
  let b = x[id.x - e + first + ${pair.step}u];
  out[id.x] = select(a * turn.y + b * turn.x, a * turn.x - b * turn.y, e == first);
}`;
}

/** Bindings gate, up, out. The exponent is bounded: beyond it e^-g overflows, and WGSL promises nothing of infinities. */
export const SWIGLU_KERNEL: string = elementKernel("a / (1.0 + exp(min(-a, 80.0))) * b");

/** Bindings a, b, out. */
export const ADD_KERNEL: string = elementKernel("a + b");

function elementKernel(value: string): string {
  return `
${storage("left: array<f32>", "right: array<f32>", "out: array<f32>")}
@compute @workgroup_size(${LANES}) fn main(${THREAD}) {
  if (id.x >= arrayLength(&out)) { return; }
  let a = left[id.x];
  let b = right[id.x];
  out[id.x] = ${value};
}`;
}
