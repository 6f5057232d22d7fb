/** Tests of what is chosen to be trained, and of adapters to begin with. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { fixturePath } from "../../../../tests/support/fixture.ts";
import { referenceBackend } from "../../../../tests/support/reference_ops/reference_backend.ts";
import { openTrainable } from "../../../../tests/support/trainable_model.ts";
import { loadAdapters } from "@aha/runtime/lora";
import { UnsupportedError, type Weight } from "@aha/runtime/training";
import { newAdapters } from "./new_adapters.ts";
import { adapterParameters, fullParameters } from "./trained_parameters.ts";

const open = (name: string) =>
  openTrainable(referenceBackend(), fixturePath(`models/${name}/gguf/model-F32.gguf`));
const LORA = { rank: 2, alpha: 4, targets: ["q_proj"] };

Deno.test("full training: all but what no gradient changes", async () => {
  const { backend, model, parameters } = await open("deepseek_v3");
  assert(parameters.has("blk.1.exp_probs_b.bias"));
  const names = fullParameters(backend, model, parameters).all.map(({ name }) => name);
  const left = [...parameters.keys()].filter((name) => !names.includes(name));
  assertEquals(left, ["blk.1.exp_probs_b.bias", "blk.2.exp_probs_b.bias"]);
});

Deno.test("full training: a tied embedding has two places and one gradient", async () => {
  const { backend, model, parameters } = await open("qwen2");
  const set = fullParameters(backend, model, parameters);
  const tied = model.head as Weight;
  const [table, head] = [set.ofWeight(tied, "table"), set.ofWeight(tied, "product")];
  assert(table && head && table !== head);
  (table.storage as Float64Array)[0] = 2;
  (head.storage as Float64Array)[0] = 3;
  set.settle();
  set.settle();
  assertEquals([(table.storage as Float64Array)[0], (head.storage as Float64Array)[0]], [0, 5]);
});

Deno.test("full training: weights that are not F32 are refused by name", async () => {
  const { backend, model, parameters } = await open("qwen2");
  const weight = parameters.get("blk.1.ffn_up.weight") as Weight;
  const quantized = new Map([...parameters, [weight.name, { ...weight, type: "Q8_0" }]]);
  assertThrows(
    () => fullParameters(backend, model, quantized),
    UnsupportedError,
    "blk.1.ffn_up.weight is Q8_0",
  );
});

Deno.test("new adapters: B is zero, A within its bound, both are trained", async () => {
  const { backend, model } = await open("qwen2");
  let last = 0;
  const values = newAdapters(model.config, LORA, () => last = (last + 0.37) % 1);
  assertEquals(values.map(({ weight }) => weight), ["blk.0.attn_q.weight", "blk.1.attn_q.weight"]);
  const [{ a, b, scale }] = values;
  assertEquals([a.length, b.every((value) => value === 0), scale], [2 * 64, true, 2]);
  assert(a.every((value) => Math.abs(value) <= 1 / 8) && a.some((value) => Math.abs(value) > 0.1));
  const set = adapterParameters(backend, await loadAdapters(backend, values));
  const names = set.all.map(({ name }) => name);
  assertEquals(names.slice(0, 2), ["blk.0.attn_q.weight.lora_a", "blk.0.attn_q.weight.lora_b"]);
});

Deno.test("new adapters: ranks, alphas and targets that cannot be", async () => {
  const { model: { config } } = await open("qwen2");
  const make = (options: Partial<typeof LORA>) => () =>
    newAdapters(config, { ...LORA, ...options }, () => 0);
  for (const rank of [0, -1, 1.5, NaN]) assertThrows(make({ rank }), RangeError, `rank is ${rank}`);
  assertThrows(make({ alpha: 0 }), RangeError, "alpha is 0");
  assertThrows(make({ targets: [] }), RangeError, "targets is empty");
  assertThrows(make({ targets: ["qkv_proj"] }), RangeError, '"qkv_proj"');
});
