/** Tests of experts' loads and of the biases that follow them. */
import { assertEquals, assertRejects } from "@std/assert";
import { ModelError, openTrainable } from "@aha/runtime/training";
import { nanoTokenizer } from "../model/nano_tokenizer.ts";
import { newModel } from "../model/new_model.ts";
import { SHAPES } from "../model/shape.ts";
import { addLoads, loadSpread, moveRouterBiases, routerBiases } from "./expert_loads.ts";

Deno.test("expert loads: counted by layer, spread over the mean", () => {
  const loads = new Map<number, Float64Array>();
  addLoads(loads, 1, Int32Array.of(0, 1, 0, 2), 4);
  addLoads(loads, 1, Int32Array.of(0, 3), 4);
  addLoads(loads, 2, Int32Array.of(0, 1, 2, 3), 4);
  assertEquals(Array.from(loads.get(1)!), [3, 1, 1, 1]);
  assertEquals(loadSpread(loads), { most: 2, least: 1 / 1.5 });
  assertEquals(loadSpread(new Map()), undefined);
});

Deno.test("router biases: of all layers, moved against the load, and those that are missing", async () => {
  const model = await openTrainable(await newModel(SHAPES.ci_v3, nanoTokenizer(), 1), {
    threads: 1,
  });
  assertEquals([...routerBiases(model).keys()], [
    "blk.1.exp_probs_b.bias",
    "blk.2.exp_probs_b.bias",
  ]);
  const loads = new Map([[2, Float64Array.of(9, 5, 1, 5, 5, 5, 5, 5)]]);
  await moveRouterBiases(model, loads, 0.25);
  await moveRouterBiases(model, loads, 0.25);
  const bias = async (layer: number) => {
    const parameter = model.parameters.get(`blk.${layer}.exp_probs_b.bias`)!;
    return Array.from(await model.backend.grad.readParameter(parameter));
  };
  assertEquals(await bias(2), [-0.5, 0, 0.5, 0, 0, 0, 0, 0]);
  assertEquals(await bias(1), new Array(8).fill(0));
  await assertRejects(
    () => moveRouterBiases(model, new Map([[0, new Float64Array(8)]]), 1),
    ModelError,
    "layer 0 has no blk.0.exp_probs_b.bias",
  );
  await model.close();
});
