/** Tests of exports: a trained model comes back with the same bits, quantized ones with fewer, and what cannot be written. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { fixturePath } from "../../../../tests/support/fixture.ts";
import { assertSameBytes } from "../../../../tests/support/same_bytes.ts";
import { loadModel, UnsupportedError } from "@aha/runtime";
import { openTrainable, type TrainableModel } from "@aha/runtime/training";
import { fullPolicy } from "../policy/policy.ts";
import { pretrain } from "../pretrain/pretrain.ts";
import { nanoDocuments } from "../tasks/nano/documents.ts";
import { exportBlob } from "./export_model.ts";
import { nanoTokenizer } from "./nano_tokenizer.ts";
import { newModel } from "./new_model.ts";
import { SHAPES } from "./shape.ts";

async function trained(shape: "student" | "ci_v3", steps: number): Promise<TrainableModel> {
  const model = await openTrainable(await newModel(SHAPES[shape], nanoTokenizer(), 5), {
    threads: 1,
  });
  const policy = fullPolicy(model);
  const { document } = nanoDocuments({ seed: 5 });
  await pretrain(policy, { steps, batchDocuments: 8, warmupSteps: 1 }, document);
  policy.parameters.free();
  return model;
}

async function valuesOf({ backend: { grad }, parameters }: TrainableModel) {
  const values = new Map<string, Float32Array>();
  for (const [name, parameter] of parameters) {
    values.set(name, await grad.readParameter(parameter));
  }
  return values;
}

const PROMPT = [1, 7, 9, 47, 25, 48, 20, 46];

for (const shape of ["student", "ci_v3"] as const) {
  Deno.test(`export: ${shape} comes back with the bits of its training`, async () => {
    const model = await trained(shape, 3);
    const blob = await exportBlob(model, { name: "trained" });
    const again = await openTrainable(blob, { threads: 1 });
    const [values, wanted] = [await valuesOf(again), await valuesOf(model)];
    for (const [name, own] of wanted) assertSameBytes(values.get(name) ?? [], own, name);
    const shapes = ({ tensors }: TrainableModel) =>
      Array.from(tensors.values(), ({ name, dims }) => `${name} [${dims}]`);
    assertEquals(shapes(again), shapes(model));
    assertEquals(again.metadata.string("general.name"), "trained");
    const kept = (of: TrainableModel) =>
      [...of.metadata.entries()].filter(([key]) => !/^general\.(name|file|quant)/.test(key));
    assertEquals(kept(again), kept(model));
    const batch = {
      rows: 8,
      segments: [{ sequence: null, start: 0, length: 8, firstPosition: 0 }],
    };
    const states = ({ model: { forward }, backend: { ops } }: TrainableModel) =>
      ops.read(forward(ops, Int32Array.from(PROMPT), batch, null));
    assertSameBytes(await states(again), await states(model), "states");
    const scored = await loadModel(blob, { threads: 1 });
    const { logprobs } = await scored.score(PROMPT);
    assertEquals(logprobs.length, PROMPT.length - 1);
    await Promise.all([model.close(), again.close(), scored.close()]);
  });
}

Deno.test("export: Q8_0 takes a quarter and says nearly the same", async () => {
  const model = await trained("ci_v3", 3);
  const [whole, small] = [await exportBlob(model), await exportBlob(model, { type: "Q8_0" })];
  assert(small.size < 0.4 * whole.size, `${small.size} of ${whole.size} bytes`);
  const scores: (readonly number[])[] = [];
  for (const blob of [whole, small]) {
    await using loaded = await loadModel(blob, { threads: 1 });
    scores.push((await loaded.score(PROMPT)).logprobs);
  }
  scores[0].forEach((logprob, i) => assert(Math.abs(logprob - scores[1][i]) < 0.1));
  const quantized = await openTrainable(small, { threads: 1 });
  await assertRejects(() => exportBlob(quantized, { type: "Q5_K" }), UnsupportedError, "Q5_K");
  assertEquals(quantized.parameters.size, model.parameters.size);
  await Promise.all([model.close(), quantized.close()]);
});

Deno.test("export: a matrix that is written in pieces", async () => {
  const shape = { architecture: "llama", width: 32, layers: 1, heads: 1, hidden: 33_000 } as const;
  const made = await newModel(shape, nanoTokenizer(), 1);
  const model = await openTrainable(made, { threads: 1 });
  const again = await openTrainable(await exportBlob(model), { threads: 1 });
  const name = "blk.0.ffn_up.weight";
  const read = ({ backend: { grad }, parameters }: TrainableModel) =>
    grad.readParameter(parameters.get(name)!);
  assertSameBytes(await read(again), await read(model), name);
  await Promise.all([model.close(), again.close()]);
});

Deno.test("export: matrices in another arrangement than the file's are refused by name", async () => {
  const model = await openTrainable(
    fixturePath("models/deepseek_v3/gguf/model-F32.gguf"),
    { threads: 1, latentForm: "naive" },
  );
  await assertRejects(
    () => exportBlob(model),
    UnsupportedError,
    "numbers of blk.0.attn_k_b.weight in another arrangement",
  );
  await model.close();
});
