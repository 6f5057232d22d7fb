/** Tests of reading peft's files: what is refused, and why it says. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { fixturePath } from "../../../../tests/support/fixture.ts";
import { peftFolder, type SizedTensor } from "../../../../tests/support/peft_folder.ts";
import { blobFolder } from "../convert/mod.ts";
import { CheckpointError, ModelError, SourceError, UnsupportedError } from "../errors.ts";
import { openGguf } from "../gguf/mod.ts";
import { planModel } from "../load_model.ts";
import { mergedValues } from "./merge.ts";
import { peftAdapterFiles, readPeftAdapter } from "./peft_files.ts";

const CONFIG = { peft_type: "LORA", r: 2, lora_alpha: 8, target_modules: ["v_proj"] };
const MODULE = "model.layers.0.self_attn.v_proj";

async function model(name = "llama_untied") {
  const { gguf, source } = await openGguf(fixturePath(`models/${name}/gguf/model-F32.gguf`));
  await source.close();
  return planModel(gguf).config;
}

function numbers(...shape: readonly number[]): SizedTensor {
  const size = shape.reduce((product, n) => product * n, 1);
  return { shape, values: Float32Array.from({ length: size }, (_, i) => i) };
}

function pair(module: string, rows = 16, cols = 64, rank = 2): Map<string, SizedTensor> {
  return new Map([
    [`${module}.lora_A.weight`, numbers(rank, cols)],
    [`${module}.lora_B.weight`, numbers(rows, rank)],
  ]);
}

async function read(config: Readonly<Record<string, unknown>>, tensors = pair(MODULE)) {
  return await readPeftAdapter(peftFolder(config, tensors), await model());
}

Deno.test("peft files: sizes, scale and the order of rows", async () => {
  const { values: [plain] } = await read(CONFIG);
  assertEquals([plain.weight, plain.rank, plain.scale], ["blk.0.attn_v.weight", 2, 4]);
  assertEquals(plain.b, numbers(16, 2).values);
  const { values: [stabilized] } = await read({ ...CONFIG, use_rslora: true });
  assertEquals(stabilized.scale, 8 / Math.SQRT2);
  const keys = pair("model.layers.0.self_attn.k_proj");
  const { values: [reordered] } = await read(CONFIG, keys);
  assertEquals(Array.from(reordered.b.subarray(0, 6)), [0, 1, 8, 9, 2, 3]);
  const patterns = { rank_pattern: { v_proj: 4 }, alpha_pattern: { ".*\\.v_proj": 2 } };
  const { values: [own] } = await read({ ...CONFIG, ...patterns }, pair(MODULE, 16, 64, 4));
  assertEquals([own.rank, own.scale], [4, 0.5]);
});

Deno.test("peft files: an adapter for another model names the first module that does not fit", async () => {
  const deeper = new Map([...pair(MODULE), ...pair("model.layers.7.mlp.up_proj", 160)]);
  await assertRejects(() => read(CONFIG, deeper), ModelError, "has no model.layers.7.mlp.up_proj");
  const wider = pair(MODULE, 32, 128);
  await assertRejects(() => read(CONFIG, wider), ModelError, "is [32, 128], that of this llama");
  const folder = peftFolder(CONFIG, pair("model.layers.0.self_attn.kv_b_proj", 128, 32));
  const v3 = await model("deepseek_v3");
  await assertRejects(() => readPeftAdapter(folder, v3), UnsupportedError, "naive");
});

Deno.test("peft files: a rank that is not the one said", async () => {
  await assertRejects(() => read({ ...CONFIG, r: 4 }), ModelError, "rank 2, adapter_config.json");
  const torn = pair(MODULE);
  torn.set(`${MODULE}.lora_B.weight`, numbers(16, 3));
  await assertRejects(() => read(CONFIG, torn), CheckpointError, "rank 2 and a lora_B of rank 3");
});

Deno.test("peft files: kinds that compute something else", async () => {
  for (
    const [key, value] of Object.entries({
      peft_type: "IA3",
      use_dora: true,
      bias: "all",
      modules_to_save: ["lm_head"],
      rank_pattern: { "(a+)+$": 4 },
    })
  ) {
    await assertRejects(() => read({ ...CONFIG, [key]: value }), UnsupportedError, key);
  }
  for (const [key, value] of Object.entries({ r: 0, lora_alpha: "16", lora_dropout: 1 })) {
    await assertRejects(() => read({ ...CONFIG, [key]: value }), CheckpointError, key);
  }
});

Deno.test("peft files: files that are missing or hold other things", async () => {
  const config = await model();
  const empty = blobFolder("empty", new Map());
  await assertRejects(() => readPeftAdapter(empty, config), SourceError, "adapter_config.json");
  const half = pair(MODULE);
  half.delete(`${MODULE}.lora_A.weight`);
  await assertRejects(() => read(CONFIG, half), CheckpointError, "no lora_A of");
  const other = new Map([["model.norm.weight", numbers(64)]]);
  await assertRejects(() => read(CONFIG, other), CheckpointError, "model.norm.weight");
  const broken = pair(MODULE);
  broken.set(`${MODULE}.lora_A.weight`, {
    shape: [2, 64],
    values: new Float32Array(128).fill(NaN),
  });
  await assertRejects(() => read(CONFIG, broken), CheckpointError, "not finite");
});

Deno.test("peft files: what is written is read back", async () => {
  const llama = await model();
  const adapter = await read(
    { ...CONFIG, lora_dropout: 0.25 },
    new Map([...pair(MODULE), ...pair("model.layers.1.self_attn.q_proj", 64)]),
  );
  const files = [...peftAdapterFiles(adapter, llama)]
    .map(([name, bytes]) => [name, new Blob([bytes])] as const);
  assertEquals(await readPeftAdapter(blobFolder("written", new Map(files)), llama), adapter);
});

Deno.test("peft files: experts that are modules of their own become one pair a bank", async () => {
  const module = (expert: number, part: string) => `model.layers.1.mlp.experts.${expert}.${part}`;
  const v3 = await model("deepseek_v3");
  const [hidden, width] = [v3.mixture?.hidden ?? 0, v3.width];
  const config = { ...CONFIG, rank_pattern: { "experts.5.gate_proj": 1 } };
  const tensors = new Map([
    ...pair(module(5, "gate_proj"), hidden, width, 1),
    ...pair(module(2, "gate_proj"), hidden, width),
    ...pair(module(0, "down_proj"), width, hidden),
  ]);
  const { values } = await readPeftAdapter(peftFolder(config, tensors), v3);
  const gate = values.find(({ weight }) => weight === "blk.1.ffn_gate_exps.weight");
  const down = values.find(({ weight }) => weight === "blk.1.ffn_down_exps.weight");
  assertEquals([values.length, gate?.experts, gate?.rank, gate?.scale], [2, 8, 2, 4]);
  assertEquals([down?.experts, down?.rows, down?.cols], [8, width, hidden]);
  // what an expert adds is alpha / r B A of its own module, 0 where it has none
  const added = (expert: number) => {
    const weight = new Float32Array(8 * hidden * width);
    const merged = mergedValues(weight, gate!);
    return merged.subarray(expert * hidden * width, (expert + 1) * hidden * width);
  };
  const wanted = (expert: number, rank: number) => {
    const [a, b] = ["A", "B"].map((side) =>
      tensors.get(`${module(expert, "gate_proj")}.lora_${side}.weight`)!.values
    );
    const own = { weight: "", rows: hidden, cols: width, rank, scale: 8 / rank, a, b };
    return mergedValues(new Float32Array(hidden * width), own);
  };
  assertEquals(added(2), wanted(2, 2));
  assertEquals(added(5), wanted(5, 1));
  assert(added(3).every((value) => value === 0));

  const beyond = pair(module(8, "gate_proj"), hidden, width);
  const load = (some: Map<string, SizedTensor>) => () =>
    readPeftAdapter(peftFolder(CONFIG, some), v3);
  await assertRejects(load(beyond), ModelError, `it has ${module(8, "gate_proj")}`);
  const other = pair(module(1, "up_proj"), hidden + 1, width);
  await assertRejects(load(other), ModelError, "its model.layers.1.mlp.experts.up_proj is");
});
