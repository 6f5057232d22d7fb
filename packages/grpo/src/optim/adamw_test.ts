/** Tests of AdamW over sets of parameters: groups, clipping, refusals. That steps are PyTorch's is tested on whole models. */
import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { reference } from "../../../../tests/support/reference_ops/reference_backend.ts";
import { tensorOf, valuesOf } from "../../../../tests/support/reference_ops/values.ts";
import type { Tensor, Weight } from "@aha/runtime/training";
import { ParameterSet } from "../parameters/parameter_set.ts";
import { AdamWOptimizer } from "./adamw.ts";
import { clipFactor } from "./clip.ts";

function parameters(gradient: number) {
  const matrix = { name: "m", type: "F32", rows: 1, cols: 2, storage: Float64Array.of(1, 1) };
  const vector = tensorOf(Float64Array.of(1), [1]);
  const set = new ParameterSet(
    reference.grad,
    new Map<string, Weight | Tensor>([["m", matrix], ["v", vector]]),
  );
  for (const one of set.all) valuesOf(one.gradient).fill(gradient);
  return { set, matrix, vector };
}

Deno.test("AdamW: a first step of about the rate, decay of matrices alone where asked", () => {
  const { set, matrix, vector } = parameters(0.5);
  const options = { weightDecay: 0.1, decaysVectors: false };
  const optimizer = new AdamWOptimizer(reference.grad, set, options);
  const { gradientNorm } = optimizer.step(0.01);
  assertAlmostEquals(gradientNorm, Math.sqrt(3) * 0.5, 1e-12);
  assertAlmostEquals(valuesOf(matrix)[0], 1 - 0.01 * 0.1 - 0.01, 1e-8);
  assertAlmostEquals(valuesOf(vector)[0], 1 - 0.01, 1e-8);
  assertEquals(optimizer.steps, 1);
  assertEquals(set.all.map(({ gradient }) => valuesOf(gradient)[0]), [0, 0]);
});

Deno.test("AdamW: a parameter without a gradient decays all the same", () => {
  const { set, matrix } = parameters(0);
  new AdamWOptimizer(reference.grad, set, { weightDecay: 0.5 }).step(0.1);
  assertAlmostEquals(valuesOf(matrix)[0], 0.95, 1e-12);
});

Deno.test("AdamW: a gradient that is not finite changes nothing and is named", () => {
  const { set, matrix, vector } = parameters(0);
  valuesOf(set.all[1].gradient)[0] = NaN;
  const optimizer = new AdamWOptimizer(reference.grad, set);
  assertThrows(() => optimizer.step(0.1), RangeError, "gradient of v is not finite");
  assertEquals([valuesOf(matrix)[0], valuesOf(vector)[0], optimizer.steps], [1, 1, 0]);
});

Deno.test("AdamW: options that cannot be", () => {
  const { set } = parameters(0);
  for (const options of [{ beta1: 1 }, { beta2: -0.1 }, { epsilon: NaN }, { weightDecay: -1 }]) {
    const [name] = Object.keys(options);
    assertThrows(() => new AdamWOptimizer(reference.grad, set, options), RangeError, name);
  }
});

Deno.test("clipping: torch's factor, none for 0", () => {
  assertEquals(clipFactor(0.5, 1), 1);
  assertEquals(clipFactor(4, 1), 1 / (4 + 1e-6));
  assertEquals(clipFactor(4, 0), 1);
  assertThrows(() => clipFactor(1, -1), RangeError, "-1");
});
