/** Tests of both ways to balance a mixture's load: by hand-made numbers, finite differences, and through a model. */
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { fixturePath } from "../../../../tests/support/fixture.ts";
import { referenceBackend } from "../../../../tests/support/reference_ops/reference_backend.ts";
import { valuesOf } from "../../../../tests/support/reference_ops/values.ts";
import { openTrainable } from "../../../../tests/support/trainable_model.ts";
import { makeBatch, type Weight } from "@aha/runtime/training";
import { Tape } from "../autograd/tape.ts";
import { fullParameters } from "../parameters/trained_parameters.ts";
import { balanceLoss } from "./balance_loss.ts";
import { updatedRouterBias } from "./router_bias.ts";

Deno.test("router bias: busy experts are lowered, idle ones raised, mean ones left", () => {
  const bias = Float32Array.of(0, 0.5, -0.5);
  assertEquals(Array.from(updatedRouterBias(bias, [9, 1, 5], 0.25)), [-0.25, 0.75, -0.5]);
  assertThrows(() => updatedRouterBias(bias, [1], 0.1), RangeError, "1 experts");
});

const BATCH = makeBatch([
  { sequence: null, ids: [1, 2], firstPosition: 0 },
  { sequence: null, ids: [3], firstPosition: 0 },
]).batch;

Deno.test("balance loss: even scores and choices cost the factor, crowds more", () => {
  const even = new Float32Array(12).fill(0.25);
  const spread = { scores: even, experts: Int32Array.of(0, 1, 2, 3, 0, 1), expertCount: 4 };
  assertAlmostEquals(balanceLoss(spread, BATCH, 0.1).loss, 0.1, 1e-7);
  const scores = Float32Array.of(4, 4, 1, 1, 4, 4, 1, 1, 4, 4, 1, 1);
  const crowd = { scores, experts: Int32Array.of(0, 1, 0, 1, 0, 1), expertCount: 4 };
  // f is 2 for both, and they have 0.8 of the scores.
  assertAlmostEquals(balanceLoss(crowd, BATCH, 0.1).loss, 0.16, 1e-7);
  assertAlmostEquals(balanceLoss(crowd, BATCH, 0.1, 8).loss, 0.04, 1e-7);
});

Deno.test("balance loss: its gradient is that of finite differences", () => {
  const scores = Float32Array.of(0.3, 0.9, 0.2, 0.7, 0.4, 0.1, 0.8, 0.5, 0.6, 0.2, 0.9, 0.3);
  const rows = { scores, experts: Int32Array.of(0, 1, 1, 2, 0, 3), expertCount: 4 };
  const { gradScores } = balanceLoss(rows, BATCH, 1);
  scores.forEach((_, i) => {
    const at = (step: number) =>
      balanceLoss({ ...rows, scores: scores.map((s, j) => i === j ? s + step : s) }, BATCH, 1).loss;
    const [above, below] = [1 / 256, -1 / 256].map(at);
    assertAlmostEquals(gradScores[i], 128 * (above - below), 1e-3);
  });
});

Deno.test("balance loss: its gradient goes through routers on a tape, blocks run again or not", async () => {
  const gradients = [];
  for (const checkpoint of [false, true]) {
    const { backend, model, parameters } = await openTrainable(
      referenceBackend(),
      fixturePath("models/deepseek_v3/gguf/model-F32.gguf"),
    );
    const set = fullParameters(backend, model, parameters);
    const told: [number, Promise<Float32Array>, Promise<Int32Array>][] = [];
    const { batch, ids } = makeBatch([{ sequence: null, ids: [5, 7, 9], firstPosition: 0 }]);
    using tape = new Tape(backend, set, {
      checkpoint,
      onRouting: (layer, scores, experts) => told.push([layer, scores, experts]),
    });
    const hidden = model.forward(tape, ids, batch, null);
    assertEquals(told.map(([layer]) => layer), [1, 2]);
    const [layer, scores, experts] = told[1];
    const rows = { scores: await scores, experts: await experts, expertCount: 8 };
    const { gradScores } = balanceLoss(rows, batch, 1);
    tape.addScoreGradient(layer, tape.tensor(gradScores, [3, 8]));
    tape.backward(hidden, tape.tensor(new Float32Array(3 * 64), [3, 64]));
    assertEquals(told.length, 2);
    const gate = parameters.get("blk.2.ffn_gate_inp.weight") as Weight;
    const other = parameters.get("blk.2.ffn_up_exps.weight") as Weight;
    const norm = (of: Weight) => Math.hypot(...valuesOf(set.ofWeight(of, "product") ?? of));
    assert(norm(gate) > 1e-3);
    assertEquals(norm(other), 0);
    gradients.push(norm(gate));
  }
  assertEquals(gradients[0], gradients[1]);
});
