/** Tests of ops with adapters over the reference backend: what is added, and to nothing else. */
import { assertAlmostEquals, assertEquals } from "@std/assert";
import {
  reference,
  referenceBackend,
} from "../../../../tests/support/reference_ops/reference_backend.ts";
import { tensorOf, valuesOf } from "../../../../tests/support/reference_ops/values.ts";
import type { Weight } from "../tensor.ts";
import { adaptedOps } from "./adapted_ops.ts";
import { type AdapterValues, loadAdapters } from "./adapter.ts";

const W: Weight = {
  name: "w",
  type: "F32",
  rows: 2,
  cols: 2,
  storage: Float64Array.of(1, 2, 3, 4),
};
const OTHER: Weight = { ...W, name: "other" };
const VALUES: AdapterValues = {
  weight: "w",
  rows: 2,
  cols: 2,
  rank: 1,
  scale: 0.5,
  a: Float32Array.of(1, 1),
  b: Float32Array.of(10, 20),
};
const X = tensorOf(Float64Array.of(1, 3), [1, 2]);
const KEY = { seed: [1, 2], rows: Int32Array.of(0) } as const;

Deno.test("adapted ops: scale B A x is added to products with the weight alone", async () => {
  const ops = adaptedOps(reference, await loadAdapters(referenceBackend(), [VALUES]));
  assertEquals(Array.from(valuesOf(ops.linear(X, W))), [7 + 20, 15 + 40]);
  assertEquals(Array.from(valuesOf(ops.linear(X, OTHER))), [7, 15]);
  const [other, adapted] = ops.linears(X, [OTHER, W]);
  assertEquals(Array.from(valuesOf(other)), [7, 15]);
  assertEquals(Array.from(valuesOf(adapted)), [27, 55]);
});

Deno.test("adapted ops: only who gives a key drops inputs, and each adapter others", async () => {
  const wide = {
    ...VALUES,
    cols: 64,
    a: Float32Array.from({ length: 64 }, (_, i) => i),
    b: Float32Array.of(1, 1),
  };
  const both = [wide, { ...wide, weight: "other" }];
  const adapters = await loadAdapters(referenceBackend(), both, 0.5);
  const x = tensorOf(new Float64Array(64).fill(1), [1, 64]);
  const zero = { ...W, cols: 64, storage: new Float64Array(128) };
  const outOf = (name: string, key?: typeof KEY) =>
    valuesOf(adaptedOps(reference, adapters, key).linear(x, { ...zero, name }))[0];
  assertEquals(outOf("w"), 0.5 * 63 * 32);
  assertEquals(outOf("w", KEY) === outOf("w"), false);
  assertEquals(outOf("w", KEY) === outOf("other", KEY), false);
  assertEquals(outOf("w", KEY), outOf("w", KEY));
  // The mean over many rows is what nothing dropped gives.
  const rows = Int32Array.from({ length: 400 }, (_, row) => row);
  const many = tensorOf(new Float64Array(64 * 400).fill(1), [400, 64]);
  const out = valuesOf(
    adaptedOps(reference, adapters, { ...KEY, rows }).linear(many, { ...zero, name: "w" }),
  );
  const mean = out.reduce((sum, value) => sum + value, 0) / out.length;
  assertAlmostEquals(mean / outOf("w"), 1, 0.03);
});

Deno.test("adapted ops: stacks that share A share its weight", async () => {
  const bank = { ...VALUES, experts: 2, a: new Float32Array(4), b: new Float32Array(4) };
  const adapters = await loadAdapters(referenceBackend(), [bank, { ...bank, weight: "up" }]);
  assertEquals(adapters.get("w")?.a === adapters.get("up")?.a, true);
  assertEquals(adapters.get("w")?.a.rows, 2);
});
