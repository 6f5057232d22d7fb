/** Tests of adapters as GGUF files: what is written is read back, what does not fit is refused by name. */
import { assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { fixturePath } from "../../../../tests/support/fixture.ts";
import { ggufBytes, plainMetadata } from "../../../../tests/support/gguf_bytes.ts";
import { ModelError, UnsupportedError } from "../errors.ts";
import { blobSource, openGguf } from "../gguf/mod.ts";
import { planModel } from "../load_model.ts";
import type { AdapterValues } from "./adapter.ts";
import { readGgufAdapter, writeGgufAdapter } from "./gguf_adapter.ts";

const numbers = (n: number) => Float32Array.from({ length: n }, (_, i) => i / 8 - 1);

const VALUES: AdapterValues = {
  weight: "blk.0.attn_v.weight",
  rows: 16,
  cols: 64,
  rank: 2,
  scale: 4,
  a: numbers(2 * 64),
  b: numbers(16 * 2),
};

async function model(name = "llama_untied") {
  const { gguf, source } = await openGguf(fixturePath(`models/${name}/gguf/model-F32.gguf`));
  await source.close();
  return planModel(gguf).config;
}

async function written(values: readonly AdapterValues[], name?: string): Promise<Blob> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  const sink = { write: (bytes: Uint8Array) => void parts.push(new Uint8Array(bytes)) };
  await writeGgufAdapter(sink, values, await model(name));
  return new Blob(parts);
}

Deno.test("GGUF adapter: what is written is read back", async () => {
  const blob = await written([VALUES]);
  assertEquals(await readGgufAdapter(blobSource(blob), await model()), [VALUES]);
  const bank: AdapterValues = {
    ...VALUES,
    weight: "blk.1.ffn_up_exps.weight",
    rows: 32,
    experts: 8,
    a: numbers(8 * 2 * 64),
    b: numbers(8 * 32 * 2),
  };
  const v3 = await model("deepseek_v3");
  const both = await readGgufAdapter(blobSource(await written([bank], "deepseek_v3")), v3);
  assertEquals(both, [bank]);
});

Deno.test("GGUF adapter: other scales are multiplied into B", async () => {
  const other = { ...VALUES, weight: "blk.1.attn_v.weight", scale: 1 };
  const [, read] = await readGgufAdapter(
    blobSource(await written([VALUES, other])),
    await model(),
  );
  assertEquals(read.scale, 4);
  read.b.forEach((value, i) => assertAlmostEquals(4 * value, other.b[i], 1e-6));
});

Deno.test("GGUF adapter: what does not fit is refused by name", async () => {
  const llama = await model();
  const read = (blob: Blob) => () => readGgufAdapter(blobSource(blob), llama);
  const deep = { ...VALUES, weight: "blk.9.attn_v.weight" };
  await assertRejects(read(await written([VALUES, deep])), ModelError, "no blk.9.attn_v.weight");
  const wide = { ...VALUES, cols: 32, a: numbers(64) };
  await assertRejects(read(await written([wide])), ModelError, "matrices [32,2] and [2,16]");
  await assertRejects(read(await written([VALUES], "deepseek_v3")), ModelError, "deepseek2");
  const plain = new Blob([
    new Uint8Array(ggufBytes({
      metadata: plainMetadata({ "general.architecture": "llama" }),
    })),
  ]);
  await assertRejects(read(plain), ModelError, "no LoRA adapter");
  const broken = { ...VALUES, b: VALUES.b.map(() => NaN) };
  await assertRejects(read(await written([broken])), ModelError, "not finite");
  const v3 = await model("deepseek_v3");
  const joint = { ...VALUES, weight: "blk.0.attn_kv_b.weight", rows: 128, cols: 32 };
  const blob = await written(
    [{ ...joint, a: numbers(64), b: numbers(256) }],
    "deepseek_v3",
  );
  await assertRejects(() => readGgufAdapter(blobSource(blob), v3), UnsupportedError, "naive");
});
