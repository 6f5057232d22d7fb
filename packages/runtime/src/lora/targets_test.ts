/** Tests of which matrices names mean, on the sizes of small models. */
import { assertEquals, assertThrows } from "@std/assert";
import { fixturePath } from "../../../../tests/support/fixture.ts";
import { UnsupportedError } from "../errors.ts";
import { openGguf } from "../gguf/mod.ts";
import { planModel } from "../load_model.ts";
import type { ModelConfig } from "../model/config.ts";
import { adapterTargets, chooseTargets } from "./targets.ts";

async function configOf(name: string, latentForm?: "naive"): Promise<ModelConfig> {
  const { gguf, source } = await openGguf(fixturePath(`models/${name}/gguf/model-F32.gguf`));
  await source.close();
  return planModel(gguf, { latentForm }).config;
}

const weights = (config: ModelConfig, ...names: string[]) =>
  chooseTargets(config, names).map(({ weight }) => weight);

Deno.test("targets: peft's and GGUF's names mean the same", async () => {
  const llama = await configOf("llama_untied");
  const queries = ["blk.0.attn_q.weight", "blk.1.attn_q.weight"];
  for (const name of ["q_proj", "self_attn.q_proj", "attn_q"]) {
    assertEquals(weights(llama, name), queries);
  }
  for (const name of ["model.layers.1.self_attn.q_proj", "blk.1.attn_q", "blk.1.attn_q.weight"]) {
    assertEquals(weights(llama, name), [queries[1]]);
  }
  assertEquals(weights(llama, "all-linear").length, 14);
  assertEquals(weights(llama, "attn_q", "q_proj"), queries);
});

Deno.test("targets: rows of Llama's q and k are known to be reordered, others not", async () => {
  const llama = await configOf("llama_untied");
  const reordered = adapterTargets(llama).filter(({ interleavedHeads }) => interleavedHeads === 8);
  const parts = reordered.map(({ weight }) => weight.replace(/^blk\.\d+\./, ""));
  assertEquals(new Set(parts), new Set(["attn_q.weight", "attn_k.weight"]));
  const qwen = await configOf("qwen2");
  assertEquals(adapterTargets(qwen).some(({ interleavedHeads }) => interleavedHeads), false);
});

Deno.test("targets: routed experts only by names that say so, never the gate", async () => {
  const v3 = await configOf("deepseek_v3", "naive");
  assertEquals(weights(v3, "gate_proj"), [
    "blk.0.ffn_gate.weight",
    "blk.1.ffn_gate_shexp.weight",
    "blk.2.ffn_gate_shexp.weight",
  ]);
  assertEquals(weights(v3, "experts.gate_proj", "ffn_gate_exps"), [
    "blk.1.ffn_gate_exps.weight",
    "blk.2.ffn_gate_exps.weight",
  ]);
  assertEquals(chooseTargets(v3, ["experts"]).map(({ experts }) => experts), [8, 8, 8, 8, 8, 8]);
  assertThrows(() => chooseTargets(v3, ["gate"]), RangeError, '"gate"');
});

Deno.test("targets: what does not exist, or not in this form, is refused", async () => {
  const llama = await configOf("llama_untied");
  const error = assertThrows(() => chooseTargets(llama, ["q_proj", "c_attn"]), RangeError);
  assertEquals(error.message.startsWith('The llama model has no matrix "c_attn" (it has '), true);
  assertThrows(() => chooseTargets(llama, ["lm_head"]), RangeError, "lm_head");
  const absorbed = await configOf("deepseek_v3");
  assertThrows(() => chooseTargets(absorbed, ["kv_b_proj"]), UnsupportedError, "naive");
  assertEquals(chooseTargets(absorbed, ["q_b_proj"]).length, 3);
});
