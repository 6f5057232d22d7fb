/** The backward passes of linear and headLinear: slopes of their forwards, same bits for threads and parts, quantized weights. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { numbers } from "../../../../../../tests/support/core_pages.ts";
import {
  checkBits,
  checkSlopes,
  type GradientCase,
  rowsOf,
  weightOf,
} from "../../../../../../tests/support/gradient_case.ts";
import { createWasmBackend } from "../backend.ts";

function linear(rows: number, cols: number, outputs: number): GradientCase {
  return {
    rows,
    inputs: { x: rowsOf(rows, cols, 1), w: weightOf(outputs, cols, 2) },
    forward: (ops, { tensors, weights }) => ops.linear(tensors.x, weights.w),
    backward: (grad, d, { tensors, weights, gradients }) => {
      grad.linearWeight(d, tensors.x, gradients.w);
      return { x: grad.linearInput(d, weights.w) };
    },
  };
}

function headLinear(rows: number, heads: number, cols: number, outputs: number): GradientCase {
  return {
    rows,
    inputs: {
      x: rowsOf(rows, heads * cols, 3),
      w: weightOf(heads * outputs, cols, 4, heads),
    },
    forward: (ops, { tensors, weights }) => ops.headLinear(tensors.x, weights.w, heads),
    backward: (grad, d, { tensors, weights, gradients }) => {
      grad.headLinearWeight(d, tensors.x, heads, gradients.w);
      return { x: grad.headLinearInput(d, weights.w, heads) };
    },
  };
}

Deno.test("linear: gradients are the slopes", async () => {
  await checkSlopes(linear(5, 7, 11));
  await checkSlopes(linear(3, 16, 8));
});

Deno.test("linear: threads and parts of the rows change no bit", async () => {
  await checkBits(linear(301, 130, 77), [1, 140]);
  await checkBits(linear(40, 320, 264), [7]);
});

Deno.test("headLinear: gradients are the slopes, for heads that are whole tiles and others", async () => {
  await checkSlopes(headLinear(4, 3, 5, 8));
  await checkSlopes(headLinear(4, 2, 6, 5));
});

Deno.test("headLinear: threads and parts of the rows change no bit", async () => {
  await checkBits(headLinear(150, 4, 40, 29), [33]);
});

Deno.test("linearInput goes straight through quantized weights", async () => {
  const [rows, cols, outputs] = [9, 256, 24];
  const backend = await createWasmBackend({ threads: 2, maxBytes: 256 << 20 });
  try {
    const { ops, grad } = backend;
    for (const [type, blockSize, blockBytes] of [["Q8_0", 32, 34], ["Q4_K", 256, 144]] as const) {
      const sizeBytes = outputs * cols / blockSize * blockBytes;
      const bytes = Uint8Array.from({ length: sizeBytes }, (_, i) => (i * 37) % 50);
      const stored = { name: "w", type, rows: outputs, cols, sizeBytes };
      const weight = await backend.loadWeight(stored, (offset, into) => {
        into.set(bytes.subarray(offset, offset + into.length));
        return Promise.resolve();
      });
      const values = await grad.readParameter(weight);
      const same = grad.createWeight("same", outputs, cols, values);
      using _pass = ops.scope();
      const d = ops.tensor(numbers(rows * outputs, 1, 5), [rows, outputs]);
      const [a, b] = [grad.linearInput(d, weight), grad.linearInput(d, same)];
      const got = await ops.read(a);
      assert(got.some((value) => value !== 0));
      assertEquals(got, await ops.read(b));
    }
  } finally {
    await backend.close();
  }
});

Deno.test("shapes that do not fit are told", async () => {
  const backend = await createWasmBackend({ threads: 1, maxBytes: 64 << 20 });
  const { ops, grad } = backend;
  const weight = grad.createWeight("w", 6, 4, numbers(24, 1, 1));
  const gradient = grad.createGradient(weight);
  const d = ops.tensor(new Float32Array(10), [2, 5]);
  const x = ops.tensor(new Float32Array(8), [2, 4]);
  assertThrows(() => grad.linearInput(d, weight), RangeError, "backward of linear with w: outputs");
  assertThrows(() => grad.linearWeight(d, x, gradient), RangeError, "5 elements, expected 6");
  const six = ops.tensor(new Float32Array(12), [2, 6]);
  assertThrows(() => grad.linearWeight(six, six, gradient), RangeError, "columns");
  const eight = ops.tensor(new Float32Array(16), [2, 8]);
  // Its two matrices of 3 rows would not begin with a tile.
  assertThrows(() => grad.headLinearWeight(six, eight, 2, gradient), RangeError, "matrices");
  await backend.close();
});
