/** Parameters that are made, written and read, and steps of AdamW on them. */
import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { numbers } from "../../../../../../tests/support/core_pages.ts";
import { ModelError, UnsupportedError } from "../../../errors.ts";
import type { TrainableBackend } from "../../grad_ops.ts";
import { createWasmBackend } from "../backend.ts";

async function withBackend(run: (backend: TrainableBackend) => Promise<void>): Promise<void> {
  const backend = await createWasmBackend({ threads: 2, maxBytes: 256 << 20 });
  try {
    await run(backend);
  } finally {
    await backend.close();
  }
}

Deno.test("weights, banks and vectors hold what was written, also row by row", async () => {
  await withBackend(async ({ ops, grad }) => {
    for (const [rows, cols, matrices] of [[13, 5, 1], [16, 3, 2], [21, 4, 3], [3000, 130, 1]]) {
      const [first, second] = [numbers(rows * cols, 1, rows), numbers(rows * cols, 1, cols)];
      const weight = grad.createWeight("w", rows, cols, first, matrices);
      assertEquals(await grad.readParameter(weight), first);
      grad.writeParameter(weight, second);
      assertEquals(await grad.readParameter(weight), second);
      assertEquals(
        await grad.readGradient(grad.createGradient(weight)),
        new Float32Array(rows * cols),
      );
      if (matrices === 1) {
        const x = ops.tensor(Float32Array.from({ length: cols }, (_, i) => Number(i === 1)), [
          1,
          cols,
        ]);
        const column = await ops.read(ops.linear(x, weight));
        assertEquals(column, second.filter((_, i) => i % cols === 1));
      }
    }
    const vector = grad.createVector(Float32Array.of(1, 2, 3));
    grad.writeParameter(vector, Float32Array.of(4, 5, 6));
    assertEquals(await grad.readParameter(vector), Float32Array.of(4, 5, 6));
  });
});

Deno.test("what cannot be written is told, and changes nothing", async () => {
  await withBackend(async (backend) => {
    const { grad } = backend;
    const weight = grad.createWeight("w", 2, 2, Float32Array.of(1, 2, 3, 4));
    assertThrows(() => grad.writeParameter(weight, new Float32Array(3)), RangeError, "expected 4");
    const nan = Float32Array.of(1, NaN, 3, 4);
    assertThrows(() => grad.writeParameter(weight, nan), ModelError, "w is not finite");
    assertThrows(() => grad.createWeight("v", 2, 2, nan), ModelError, "v is not finite");
    assertEquals(await grad.readParameter(weight), Float32Array.of(1, 2, 3, 4));
    const stored = { name: "q", type: "Q8_0", rows: 8, cols: 32, sizeBytes: 8 * 34 };
    const quantized = await backend.loadWeight(stored, () => Promise.resolve());
    const zeros = new Float32Array(256);
    assertThrows(() => grad.writeParameter(quantized, zeros), UnsupportedError, "Q8_0");
    const gradient = grad.createGradient(quantized);
    const step = { ...ADAMW, step: 1 };
    assertThrows(
      () => grad.adamW(quantized, gradient, gradient, gradient, step),
      UnsupportedError,
      "only F32",
    );
  });
});

const ADAMW = {
  learningRate: 0.01,
  beta1: 0.9,
  beta2: 0.99,
  epsilon: 1e-8,
  weightDecay: 0.1,
  gradientScale: 0.5,
};

Deno.test("adamW: steps of PyTorch's algorithm, for weights and vectors", async () => {
  await withBackend(async ({ ops, grad }) => {
    const [rows, cols] = [11, 6];
    const values = numbers(rows * cols, 1, 1);
    const weight = grad.createWeight("w", rows, cols, values);
    const [gradient, first, second] = [1, 2, 3].map(() => grad.createGradient(weight));
    const want = [...values];
    const [m, v] = [want.map(() => 0), want.map(() => 0)];
    for (let step = 1; step <= 4; step++) {
      const [d, x] = [numbers(2 * rows, 1, step), numbers(2 * cols, 1, 10 + step)];
      {
        using _pass = ops.scope();
        grad.zeroGradient(gradient);
        grad.linearWeight(ops.tensor(d, [2, rows]), ops.tensor(x, [2, cols]), gradient);
      }
      const slopes = await grad.readGradient(gradient);
      const norm = slopes.reduce((sum, slope) => sum + slope * slope, 0);
      assertAlmostEquals(grad.squaredNorm(gradient), norm, 1e-6 * norm);
      grad.adamW(weight, gradient, first, second, { ...ADAMW, step });
      slopes.forEach((slope, i) => {
        const g = slope * ADAMW.gradientScale;
        m[i] = ADAMW.beta1 * m[i] + (1 - ADAMW.beta1) * g;
        v[i] = ADAMW.beta2 * v[i] + (1 - ADAMW.beta2) * g * g;
        const [bias1, bias2] = [1 - ADAMW.beta1 ** step, 1 - ADAMW.beta2 ** step];
        want[i] *= 1 - ADAMW.learningRate * ADAMW.weightDecay;
        const root = Math.sqrt(v[i] / bias2) + ADAMW.epsilon;
        want[i] -= ADAMW.learningRate * m[i] / bias1 / root;
      });
    }
    const got = await grad.readParameter(weight);
    got.forEach((value, i) => assertAlmostEquals(value, want[i], 1e-5));
  });
});
