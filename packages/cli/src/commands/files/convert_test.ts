/** Tests of convert.ts: files that run, and each bad folder refused in one line without leaving a file. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runAha } from "../../../../../tests/support/captured_io.ts";
import { withFolder } from "../../../../../tests/support/edited_model.ts";
import { assertFails, FAILED, WRONG_USAGE } from "../../../../../tests/support/failing_command.ts";
import { fixturePath } from "../../../../../tests/support/fixture.ts";
import { safetensorsBytes } from "../../../../../tests/support/safetensors_bytes.ts";

const HF = fixturePath("models/qwen2/hf");
const SHARDED = fixturePath("models/qwen2/hf_sharded");
const TYPES = ["F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q4_K", "Q6_K"];

/** A copy of a folder in `folder`, with one file replaced, or removed where `text` is left out. */
function changed(
  folder: string,
  from: string,
  file: string,
  text?: string | Uint8Array,
): string {
  const path = join(folder, `model-${readdirSync(folder).length}`);
  mkdirSync(path);
  for (const name of readdirSync(from)) cpSync(join(from, name), join(path, name));
  rmSync(join(path, file), { force: true });
  if (text !== undefined) writeFileSync(join(path, file), text);
  return path;
}

function configWith(change: Record<string, unknown>): string {
  return JSON.stringify({
    ...JSON.parse(readFileSync(join(HF, "config.json"), "utf8")),
    ...change,
  });
}

Deno.test("aha convert: every type gives a file that runs, and says what was written", () =>
  withFolder(async (folder) => {
    for (const type of TYPES) {
      const out = join(folder, `${type}.gguf`);
      const words = ["convert", HF, out, "--type", type.toLowerCase(), "--json"];
      const { code, out: text } = await runAha(words);
      assertEquals(code, 0, type);
      const report = JSON.parse(text);
      assertEquals([report.path, report.type, report.tensors.length], [out, type, 26]);
      assertEquals(report.sizeBytes, readFileSync(out).length);
      const ran = await runAha(["run", out, "--ids", "1,2,3", "--max-tokens", "2", "--json"]);
      assertEquals(ran.code, 0, ran.error);
    }
    assertEquals(readdirSync(folder).length, TYPES.length);
  }));

Deno.test("aha convert: the folder's own type by default, fallbacks are told", () =>
  withFolder(async (folder) => {
    const out = join(folder, "out.gguf");
    const { code, out: text } = await runAha(["convert", fixturePath("models/qwen3/hf"), out]);
    assertEquals(code, 0);
    assertStringIncludes(text, `${out}: 25 tensors, `);
    const { tensors } = JSON.parse((await runAha(["inspect", out, "--json"])).out);
    const matrices = tensors.filter(({ shape }: { shape: number[] }) => shape.length > 1);
    assertEquals(matrices.every(({ type }: { type: string }) => type === "F16"), true);
    const { error } = await runAha(["convert", HF, out, "--type", "Q6_K", "--force"]);
    assertStringIncludes(
      error,
      "token_embd.weight and 12 more: Q8_0 instead of Q6_K, rows of 64 weights",
    );
  }));

Deno.test("aha convert: what exists stays without --force, and is replaced with it", () =>
  withFolder(async (folder) => {
    const out = join(folder, "out.gguf");
    writeFileSync(out, "mine");
    await assertFails(["convert", HF, out], FAILED, [out, "exists already", "--force replaces it"]);
    assertEquals(readFileSync(out, "utf8"), "mine");
    assertEquals((await runAha(["convert", HF, out, "--force"])).code, 0);
    assertEquals(readFileSync(out).subarray(0, 4).toString(), "GGUF");
    assertEquals(readdirSync(folder), ["out.gguf"]);
  }));

Deno.test("aha convert: a wrong command line", async () => {
  await assertFails(["convert", HF], WRONG_USAGE, "convert needs OUT.gguf");
  await assertFails(["convert", HF, "out.gguf", "--type", "Q5_K"], WRONG_USAGE, [
    '--type "Q5_K" cannot be written',
    "give one of F32, F16",
  ]);
  await assertFails(["convert", HF, "out.gguf", "--threads", "0"], WRONG_USAGE, "threads");
});

/** What is wrong with a folder, and what the line on stderr must say. */
type BadFolder = readonly [make: (folder: string) => string, parts: readonly string[]];

const config = (change: Record<string, unknown>) => (folder: string) =>
  changed(folder, HF, "config.json", configWith(change));
const without = (file: string, from = HF) => (folder: string) => changed(folder, from, file);
const replaced = (file: string, text: string | Uint8Array, from = HF) => (folder: string) =>
  changed(folder, from, file, text);

const BAD_FOLDERS: readonly BadFolder[] = [
  [() => join(HF, "no"), ["there is no such folder"]],
  [() => join(HF, "config.json"), ["it is a file, a model folder is wanted"]],
  [without("config.json"), ["has no config.json"]],
  [without("tokenizer.json"), ["has no tokenizer.json"]],
  [without("model.safetensors"), ["has no weights: model.safetensors is missing"]],
  [replaced("config.json", '{\n  "a": 1,\n}'), ["config.json is no JSON", "line 3, column 1"]],
  [replaced("config.json", "[1]"), ["config.json holds no JSON object"]],
  [replaced("tokenizer.json", '{"model"'), ["tokenizer.json is no JSON", "line 1, column 9"]],
  [config({ architectures: ["MixtralForCausalLM"] }), ["MixtralForCausalLM cannot", "LlamaForC"]],
  [config({ architectures: null }), ["config.json names no class in architectures"]],
  [config({ quantization_config: { quant_method: "awq" } }), ["quantized already (awq)"]],
  [config({ rope_scaling: { rope_type: "yarn" } }), ["RoPE scaling of type yarn"]],
  [config({ tie_word_embeddings: false }), ["has no tensor lm_head.weight"]],
  [config({ num_hidden_layers: 1 }), ["Tensor model.layers.1.", "has no place in a qwen2 model"]],
  [config({ num_hidden_layers: 1e9 }), ["cannot have 1000000000 layers"]],
  [config({ vocab_size: 383 }), [
    "embed_tokens.weight",
    "is [384,64], config.json asks for [383,64]",
  ]],
  [config({ vocab_size: 1e12 }), ["cannot have 1000000000000 tokens"]],
  [replaced("model.safetensors", "{}"), ["model.safetensors has 2 bytes"]],
  [
    replaced("model.safetensors", readFileSync(join(HF, "model.safetensors")).subarray(0, 100_000)),
    ["model.safetensors has 100000 bytes", "a download cut short?"],
  ],
  [without("model-00002-of-00003.safetensors", SHARDED), [
    "Weight file 2 of 3 is missing",
    "model-00002-of-00003.safetensors",
  ]],
];

Deno.test("aha convert: bad folders are refused in one line and leave no file", () =>
  withFolder(async (folder) => {
    mkdirSync(join(folder, "models"));
    for (const [make, parts] of BAD_FOLDERS) {
      const path = make(join(folder, "models"));
      await assertFails(["convert", path, join(folder, "out.gguf")], FAILED, parts);
      assertEquals(readdirSync(folder), ["models"], parts[0]);
    }
  }));

Deno.test("aha convert: values of types that cannot be read are refused by name", () =>
  withFolder(async (folder) => {
    const bytes = new Uint8Array(readFileSync(join(HF, "model.safetensors")));
    const end = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true));
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, end)));
    const { shape, data_offsets } = header["model.embed_tokens.weight"];
    const name = "model.embed_tokens.weight";
    header[name] = { dtype: "F8_E4M3", shape: [shape[0] * 4, shape[1]], data_offsets };
    const wrongShape = safetensorsBytes(header, bytes.subarray(end));
    const out = join(folder, "out.gguf");
    const path = changed(folder, HF, "model.safetensors", wrongShape);
    await assertFails(
      ["convert", path, out],
      FAILED,
      `${name} of ${path}/model.safetensors is [1536`,
    );
    header[name] = { dtype: "I32", shape, data_offsets };
    const other = changed(
      folder,
      HF,
      "model.safetensors",
      safetensorsBytes(header, bytes.subarray(end)),
    );
    await assertFails(["convert", other, out], FAILED, [name, "is I32, which cannot be converted"]);
    new DataView(bytes.buffer).setFloat32(end + 4000, NaN, true);
    const broken = changed(folder, HF, "model.safetensors", bytes);
    await assertFails(["convert", broken, out], FAILED, "not finite or too large for F32");
    assertEquals(readdirSync(folder).includes("out.gguf"), false);
  }));
