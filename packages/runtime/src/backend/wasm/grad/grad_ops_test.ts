/** The backward passes of the ops between products: slopes of their forwards, same bits for threads and parts of the rows. */
import { assertEquals } from "@std/assert";
import { makeBatch } from "../../../batch.ts";
import {
  checkBits,
  checkSlopes,
  type GradientCase,
  type Part,
  rowsOf,
  weightOf,
} from "../../../../../../tests/support/gradient_case.ts";
import { numbers } from "../../../../../../tests/support/core_pages.ts";
import { createWasmBackend } from "../backend.ts";
import type { Rope } from "../../../ops.ts";

const EPSILON = 0.1;

function rmsNorm(rows: number, width: number, size: number): GradientCase {
  const gain = { kind: "vector", shape: [size], values: numbers(size, 1, 2) } as const;
  return {
    rows,
    inputs: { x: rowsOf(rows, width, 1), gain },
    forward: (ops, { tensors }) => ops.rmsNorm(tensors.x, tensors.gain, EPSILON),
    backward: (grad, d, { tensors: { x, gain }, gradients }) => ({
      x: grad.rmsNorm(d, x, gain, EPSILON, gradients.gain),
    }),
  };
}

function embed(count: number, rows: number, cols: number): GradientCase {
  const ids = Int32Array.from({ length: count }, (_, i) => (i * i + 3) % rows);
  const of = ({ start, end }: Part) => ids.slice(start, end);
  return {
    rows: count,
    inputs: { table: weightOf(rows, cols, 3) },
    forward: (ops, { weights }, part) => ops.embed(of(part), weights.table),
    backward: (grad, d, { gradients }, part) => {
      grad.embed(d, of(part), gradients.table);
      return {};
    },
  };
}

/** A product whose weight has a bias. */
function biased(rows: number, outputs: number): GradientCase {
  const bias = { kind: "vector", shape: [outputs], values: numbers(outputs, 1, 5) } as const;
  return {
    rows,
    inputs: { x: rowsOf(rows, 4, 4), w: weightOf(outputs, 4, 6), bias },
    forward: (ops, { tensors: { x, bias }, weights: { w } }) => ops.linear(x, { ...w, bias }),
    backward: (grad, d, { tensors, weights, gradients }) => {
      grad.bias(d, gradients.bias);
      grad.linearWeight(d, tensors.x, gradients.w);
      return { x: grad.linearInput(d, weights.w) };
    },
  };
}

function swiglu(rows: number, width: number): GradientCase {
  return {
    rows,
    inputs: { gate: rowsOf(rows, width, 7, 3), up: rowsOf(rows, width, 8) },
    forward: (ops, { tensors: { gate, up } }) => ops.swiglu(gate, up),
    backward: (grad, d, { tensors: { gate, up } }) => ({ ...grad.swiglu(d, gate, up) }),
  };
}

function rope(rows: number, heads: number, settings: Rope): GradientCase {
  const batch = ({ start, end }: Part) =>
    makeBatch([{ sequence: null, ids: new Int32Array(end - start), firstPosition: start }]).batch;
  return {
    rows,
    inputs: { x: rowsOf(rows, heads * settings.headSize, 9) },
    forward: (ops, { tensors }, part) => ops.rope(tensors.x, batch(part), settings),
    backward: (grad, d, _, part) => ({ x: grad.rope(d, batch(part), settings) }),
  };
}

Deno.test("rmsNorm: gradients are the slopes, threads and parts change no bit", async () => {
  await checkSlopes(rmsNorm(3, 6, 6));
  await checkSlopes(rmsNorm(2, 12, 4));
  await checkBits(rmsNorm(700, 192, 64), [13, 400]);
});

Deno.test("embed: the table's gradient is its slope, threads and parts change no bit", async () => {
  await checkSlopes(embed(7, 11, 3));
  await checkBits(embed(900, 50, 96), [500]);
});

Deno.test("bias: its gradient is its slope, threads and parts change no bit", async () => {
  await checkSlopes(biased(3, 9));
  await checkBits(biased(900, 160), [1, 450]);
});

Deno.test("swiglu: gradients are the slopes, threads change no bit", async () => {
  await checkSlopes(swiglu(3, 5));
  await checkBits(swiglu(300, 129), [77]);
});

Deno.test("rope: the gradient is the slope for each pairing, threads and parts change no bit", async () => {
  for (const pairing of ["interleaved", "halves"] as const) {
    const settings = { headSize: 7, rotarySize: 4, rotaryStart: 2, base: 100, pairing };
    await checkSlopes(rope(4, 2, { ...settings, magnitude: 0.8 }));
  }
  const whole = { headSize: 64, rotarySize: 64, base: 10_000, pairing: "halves" } as const;
  await checkBits(rope(200, 4, whole), [100]);
});

Deno.test("selectRows: each row goes back to where it was taken, sums where several were", async () => {
  const indices = [2, 0, 2, 3];
  const selected: GradientCase = {
    rows: 5,
    inputs: { x: rowsOf(5, 3, 10) },
    forward: (ops, { tensors }) => ops.selectRows(tensors.x, indices),
    backward: (grad, d) => ({ x: grad.selectRows(d, indices, 5) }),
  };
  await checkSlopes(selected);
});

Deno.test("sumHeads: the gradient of a part that joinHeads repeats", async () => {
  const joined: GradientCase = {
    rows: 3,
    inputs: { own: rowsOf(3, 4 * 2, 11), shared: rowsOf(3, 5, 12) },
    forward: (ops, { tensors: { own, shared } }) => ops.joinHeads([own, shared], 4, [2, 5]),
    backward: (grad, d, _made, _part, ops) => {
      const [own, shared] = ops.splitHeads(d, 4, [2, 5]);
      return { own, shared: grad.sumHeads(shared, 4) };
    },
  };
  await checkSlopes(joined);
});

Deno.test("scale and addGradient", async () => {
  const backend = await createWasmBackend({ threads: 2, maxBytes: 64 << 20 });
  const { ops, grad } = backend;
  const x = ops.tensor(Float32Array.of(1, -2, 3, 4, 5), [1, 5]);
  assertEquals(await ops.read(grad.scale(x, -0.5)), Float32Array.of(-0.5, 1, -1.5, -2, -2.5));
  const vector = grad.createVector(new Float32Array(5));
  const [a, b] = [grad.createGradient(vector), grad.createGradient(vector)];
  grad.bias(x, a);
  grad.bias(x, b);
  grad.addGradient(a, b);
  assertEquals(await grad.readGradient(b), Float32Array.of(2, -4, 6, 8, 10));
  assertEquals(grad.squaredNorm(a), 55);
  grad.zeroGradient(b);
  assertEquals(await grad.readGradient(b), new Float32Array(5));
  await backend.close();
});
