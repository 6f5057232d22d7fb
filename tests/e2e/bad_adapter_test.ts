/** Adapters that do not fit or are broken, through the commands: one line that names the first fault, exit 1 or 2, nothing is lost. */
import { assertEquals } from "@std/assert";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { AdapterValues } from "../../packages/runtime/src/lora/mod.ts";
import { runAha } from "../support/captured_io.ts";
import { withFolder } from "../support/edited_model.ts";
import { assertFails, FAILED, WRONG_USAGE } from "../support/failing_command.ts";
import { fixturePath } from "../support/fixture.ts";
import { adapterFile, configOf, madeAdapter } from "../support/made_adapters.ts";

const MODEL = fixturePath("models/llama_untied/gguf/model-F32.gguf");
const V3 = fixturePath("models/deepseek_v3/gguf/model-F32.gguf");
const PEFT = fixturePath("train/llama_untied/lora_1_peft");
const RUN = ["--ids", "1,2,3", "--max-tokens", "2", "--temperature", "0"];

/** A file of an adapter of the model, changed. */
async function written(
  folder: string,
  change: (values: AdapterValues[]) => AdapterValues[] = (values) => values,
  model = MODEL,
): Promise<string> {
  const config = await configOf(model, "naive");
  const path = join(folder, "adapter.gguf");
  const file = await adapterFile(config, change(madeAdapter(config, 1, ["all-linear"])));
  writeFileSync(path, await file.bytes());
  return path;
}

/** peft's folder, with its files changed; one that becomes undefined is left out. */
function peftCopy(
  folder: string,
  change: (name: string, bytes: Uint8Array) => Uint8Array | string | undefined,
): string {
  const path = join(folder, "peft");
  mkdirSync(path);
  for (const name of ["adapter_config.json", "adapter_model.safetensors"]) {
    const bytes = change(name, new Uint8Array(readFileSync(join(PEFT, name))));
    if (bytes !== undefined) writeFileSync(join(path, name), bytes);
  }
  return path;
}

/** All doors refuse it by the same line; `merge` leaves no file. */
async function refused(adapter: string, parts: string | readonly string[], model = MODEL) {
  const line = await assertFails(["run", model, ...RUN, "--lora", adapter], FAILED, parts);
  const ids = ["--text", fixturePath("README.md")];
  assertEquals(await assertFails(["score", model, ...ids, "--lora", adapter], FAILED, parts), line);
  await withFolder(async (folder) => {
    const out = join(folder, "out.gguf");
    assertEquals(await assertFails(["merge", model, adapter, out], FAILED, parts), line);
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), []);
  });
}

Deno.test("bad adapter: one for another model names the first matrix that does not fit", () =>
  withFolder(async (folder) => {
    await refused(await written(folder, undefined, V3), "is for a deepseek2 model, this is llama");
    await refused(PEFT, ["is for another model", "model.layers.0.self_attn.q_proj"], V3);
    const deeper = (values: AdapterValues[]) => [{ ...values[0], weight: "blk.9.attn_q.weight" }];
    await refused(await written(folder, deeper), "this has no blk.9.attn_q.weight");
    const wider = ([first]: AdapterValues[]) => [
      { ...first, rows: 2 * first.rows, b: new Float32Array(2 * first.b.length) },
    ];
    const sizes = "its blk.0.attn_q.weight has matrices [64,4] and [4,128], this model's weight is";
    await refused(await written(folder, wider), sizes);
  }));

Deno.test("bad adapter: a rank that is not the one said", () =>
  withFolder(async (folder) => {
    const path = peftCopy(folder, (name, bytes) =>
      name.endsWith(".json")
        ? new TextDecoder().decode(bytes).replace(/"r": \d+/, '"r": 3')
        : bytes);
    await refused(path, ["q_proj has an adapter of rank", "adapter_config.json says 3"]);
  }));

Deno.test("bad adapter: numbers that are not finite", () =>
  withFolder(async (folder) => {
    for (const value of [NaN, Infinity]) {
      const spoilt = (values: AdapterValues[]) =>
        values.map((one, i) => i === 3 ? { ...one, b: one.b.with(5, value) } : one);
      await refused(await written(folder, spoilt), ["lora_b of", "not finite"]);
    }
  }));

Deno.test("bad adapter: cut files, files of something else, and none", () =>
  withFolder(async (folder) => {
    const path = await written(folder);
    const whole = readFileSync(path);
    for (const length of [0, 3, 100, 2000, whole.length - 1]) {
      writeFileSync(path, whole.subarray(0, length));
      await refused(path, path);
    }
    await refused(MODEL, "is no LoRA adapter");
    await refused("/nowhere/a.gguf", "Cannot open /nowhere/a.gguf: there is no such file");
    await refused(`${PEFT}/adapter_model.safetensors`, "alone: give its folder");
  }));

Deno.test("bad adapter: folders without a file, or with one that is cut or no JSON", () =>
  withFolder(async (folder) => {
    const cases: readonly (readonly [Parameters<typeof peftCopy>[1], string])[] = [
      [
        (name, bytes) => name.endsWith(".json") ? undefined : bytes,
        "adapter_config.json is missing",
      ],
      [(name, bytes) => name.endsWith(".json") ? bytes : undefined, "safetensors is missing"],
      [(name, bytes) => name.endsWith(".json") ? "{" : bytes, "adapter_config.json"],
      [(name, bytes) => name.endsWith(".json") ? bytes : bytes.subarray(0, 90), "safetensors"],
      [(name, bytes) => name.endsWith(".json") ? bytes : bytes.subarray(0, -4), "safetensors"],
    ];
    for (const [i, [change, part]] of cases.entries()) {
      const own = join(folder, `${i}`);
      mkdirSync(own);
      await refused(peftCopy(own, change), part);
    }
  }));

Deno.test("bad adapter: names and factors that cannot be", async () => {
  const run = ["run", MODEL, ...RUN];
  const twice = ["--lora", `a=${PEFT}`, "--lora", `a=${PEFT}`];
  await assertFails([...run, ...twice], WRONG_USAGE, "two adapters of --lora are called a");
  await assertFails([...run, "--lora", ""], WRONG_USAGE, "give [NAME=]FILE[:SCALE]");
  const other = ["--lora", `a=${PEFT}`, "--adapter", "b"];
  await assertFails(
    [...run, ...other],
    WRONG_USAGE,
    '--adapter "b" is not allowed; give a or none',
  );
  await assertFails([...run, "--adapter", "b"], WRONG_USAGE, "give none: there is no --lora");
  await assertFails(["serve", MODEL, ...twice], WRONG_USAGE, 'two adapters are called "a"');
  const huge = await runAha([...run, "--lora", `${PEFT}:1e38`]);
  assertEquals([huge.code, huge.out], [FAILED, ""], huge.error);
  const absent = ["serve", MODEL, "--port", "0", "--lora", "a=/nowhere/a.gguf"];
  await assertFails(absent, FAILED, "Cannot open /nowhere/a.gguf");
});

Deno.test("bad adapter: an out file that exists, or is the adapter's or the model's", () =>
  withFolder(async (folder) => {
    const adapter = await written(folder);
    const before = readFileSync(adapter);
    const isRead = "it is read for what would be written";
    for (const out of [adapter, MODEL]) {
      await assertFails(["merge", MODEL, adapter, out, "--force"], FAILED, isRead);
    }
    assertEquals(readFileSync(adapter), before);
    const out = join(folder, "out.gguf");
    writeFileSync(out, "mine");
    await assertFails(["merge", MODEL, adapter, out], FAILED, "--force replaces it");
    await assertFails(["merge", V3, adapter, out, "--force"], FAILED, "is for a llama model");
    assertEquals(readFileSync(out, "utf8"), "mine");
    await assertFails(["merge", MODEL, adapter, out, "--type", "Q9"], WRONG_USAGE, "--type");
    const quantized = fixturePath("models/llama_untied/gguf/model-Q8_0.gguf");
    const type = ["--type", "Q4_0"];
    const other = join(folder, "other.gguf");
    await assertFails(["merge", quantized, adapter, other, ...type], FAILED, "quantized already");
  }));
