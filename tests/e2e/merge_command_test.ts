/** `aha merge`: the merged file computes what model and adapter do together, keeps what it need not change, and tells its formats. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { loadModel, type LoadOptions } from "../../packages/runtime/mod.ts";
import { openGguf } from "../../packages/runtime/src/gguf/mod.ts";
import { runAha } from "../support/captured_io.ts";
import { withFolder } from "../support/edited_model.ts";
import { fixturePath } from "../support/fixture.ts";
import { adapterFile, configOf, madeAdapter } from "../support/made_adapters.ts";
import { tensorBytes } from "../support/memory_sink.ts";
import { ARTIFACT_NMSE, F32_NMSE, nmse } from "../support/tolerance.ts";
import { trainingReference } from "../support/training_fixture.ts";
import { storedTensors } from "../support/training_steps.ts";

const IDS = Array.from({ length: 40 }, (_, i) => (i * i * 7 + i * 31 + 3) % 380);
const path = (file: string) => fixturePath(`models/${file}.gguf`);

async function logits(
  file: string,
  ids: readonly number[] = IDS,
  options: LoadOptions = {},
): Promise<number[]> {
  await using model = await loadModel(file, options);
  const rows: number[] = [];
  await model.score(ids, { onLogits: (some) => void rows.push(...some) });
  return rows;
}

async function merged(folder: string, words: readonly string[]) {
  const out = join(folder, "merged.gguf");
  const [model, adapter, ...more] = words;
  const ended = await runAha(["merge", model, adapter, out, "--force", "--json", ...more]);
  assertEquals(ended.code, 0, ended.error);
  return { out, report: JSON.parse(ended.out) };
}

for (const [name, k] of [["llama_untied", 1], ["deepseek_v3", 0]] as const) {
  Deno.test(`aha merge: ${name}: the merged model has the logits recorded`, () =>
    withFolder(async (folder) => {
      const adapter = fixturePath(`train/${name}/lora_${k}_peft`);
      const { out } = await merged(folder, [path(`${name}/gguf/model-F32`), adapter]);
      const { input_ids: [ids] } = trainingReference(name);
      const recorded = `train/${name}/lora_${k}_merged_logits_after_step5.safetensors`;
      const [wanted] = storedTensors(recorded).values();
      const error = nmse((await logits(out, ids)).slice(-wanted.length), wanted);
      assert(error <= F32_NMSE, `logits are off by ${error}`);
    }));
}

/** Also experts, and the joint matrix of keys and values where the file holds the two apart. */
for (const name of ["deepseek_v3/gguf/model-F32", "deepseek_v2_lite/gguf/model-F32-legacy"]) {
  Deno.test(`aha merge: ${name}: as model and adapter together, every matrix`, () =>
    withFolder(async (folder) => {
      const file = path(name);
      const config = await configOf(file, "naive");
      const adapter = join(folder, "adapter.gguf");
      writeFileSync(adapter, await (await adapterFile(config, madeAdapter(config, 5))).bytes());
      const together = await logits(file, IDS, { lora: { from: adapter, scale: 0.25 } });
      const { out } = await merged(folder, [file, `${adapter}:0.25`]);
      // rounding decides between experts here and there: a tolerance of other arithmetic, not of other weights
      const own = await logits(out);
      const error = nmse(own, together);
      assert(error <= ARTIFACT_NMSE, `logits are off by ${error}`);
      assert(nmse(await logits(file), together) > 1e-2);
    }));
}

Deno.test("aha merge: what the adapter does not change is copied, its own is quantized again", () =>
  withFolder(async (folder) => {
    const file = path("llama_k256/gguf/model-Q4_K_M");
    const config = await configOf(file);
    const adapter = join(folder, "adapter.gguf");
    const values = madeAdapter(config, 5, ["v_proj", "down_proj"]);
    writeFileSync(adapter, await (await adapterFile(config, values)).bytes());
    const { out, report } = await merged(folder, [file, adapter]);
    const [before, after] = [await openGguf(file), await openGguf(out)];
    const changed = new Set(values.map(({ weight }) => weight));
    for (const { name, type } of before.gguf.tensors.values()) {
      const [old, own] = [await tensorBytes(before, name), await tensorBytes(after, name)];
      assertEquals(after.gguf.tensors.get(name)?.type.name, type.name);
      assertEquals(String(old) === String(own), !changed.has(name), name);
    }
    assertEquals(
      new Map(after.gguf.metadata.entries()).get("general.file_type"),
      new Map(before.gguf.metadata.entries()).get("general.file_type"),
    );
    assertEquals(report.tensors.length, before.gguf.tensors.size);
    await Promise.all([before, after].map(({ source }) => source.close()));
    const error = nmse(await logits(out), await logits(file, IDS, { lora: adapter }));
    assert(error < 0.05, `logits are off by ${error}`); // v_proj and down_proj are rounded to 4 bits again
  }));

Deno.test("aha merge: other formats: one for all, and one that stands in", () =>
  withFolder(async (folder) => {
    const file = path("llama_k256/gguf/model-IQ4_XS");
    const config = await configOf(file);
    const adapter = join(folder, "adapter.gguf");
    const values = madeAdapter(config, 5, ["q_proj"]);
    writeFileSync(adapter, await (await adapterFile(config, values)).bytes());
    const out = join(folder, "merged.gguf");
    const told = await runAha(["merge", file, adapter, out]);
    assertEquals(told.code, 0, told.error);
    assertStringIncludes(told.error, "Q8_0 instead of its own format, the weight was IQ4_XS");
    const wanted = await logits(file, IDS, { lora: adapter });
    assert(nmse(await logits(out), wanted) < 1e-2);
    const { report } = await merged(folder, [file, adapter, "--type", "f16"]);
    const types = new Set(report.tensors.map(({ to }: { to: string }) => to));
    assertEquals([...types].sort(), ["F16", "F32"]);
    assert(nmse(await logits(out), wanted) < 1e-2);
    const float = await merged(folder, [
      path("llama_k256/gguf/model-BF16"),
      adapter,
      "--type",
      "Q8_0",
    ]);
    const own = new Set(float.report.tensors.map(({ to }: { to: string }) => to));
    assertEquals([...own].sort(), ["F32", "Q8_0"]);
  }));
