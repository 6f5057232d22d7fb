/** Tests of models from nothing: their sizes, their bytes, what they begin with, and that they open. */
import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { blobSource, type Gguf, readGguf } from "@aha/runtime/gguf";
import { openTrainable } from "@aha/runtime/training";
import { nanoTokenizer } from "./nano_tokenizer.ts";
import { newModel } from "./new_model.ts";
import { type ModelShape, SHAPES } from "./shape.ts";
import { plannedTensors } from "./tensor_plan.ts";

const TOKENIZER = nanoTokenizer();

const sizeOf = (dims: readonly number[]) => dims.reduce((product, size) => product * size, 1);

/** Parameters without those of multi-token prediction and without the biases of routers. */
function parametersOf(shape: ModelShape): number {
  const later = `blk.${shape.layers}.`;
  return plannedTensors(shape, 64)
    .filter(({ name }) => !name.startsWith(later) && !name.endsWith(".bias"))
    .reduce((sum, { dims }) => sum + sizeOf(dims), 0);
}

async function valuesOf(blob: Blob, { tensors }: Gguf, name: string): Promise<Float32Array> {
  const { offset, sizeBytes } = tensors.get(name)!;
  return new Float32Array(await blob.slice(offset, offset + sizeBytes).arrayBuffer());
}

const deviationOf = (values: Float32Array) => Math.hypot(...values) / Math.sqrt(values.length);

Deno.test("new model: the sizes of the nano study", () => {
  const counts = {
    ...{ ci: 108_864, nano: 820_352, micro: 4_852_992, student: 29_344 },
    ...{ ci_v3: 161_168, nano_v3: 1_481_152, micro_v3: 9_287_872 },
  };
  for (const [name, count] of Object.entries(counts)) {
    assertEquals(parametersOf(SHAPES[name as keyof typeof SHAPES]), count, name);
  }
});

Deno.test("new model: the same bytes for a seed, on every machine", async () => {
  const bytesOf = async (seed: number) =>
    new Uint8Array(await (await newModel(SHAPES.ci_v3, TOKENIZER, seed)).arrayBuffer());
  const first = await bytesOf(1);
  assertEquals(await bytesOf(1), first);
  assert((await bytesOf(2)).some((byte, i) => byte !== first[i]));
  const blob = new Blob([first]);
  const values = await valuesOf(blob, await readGguf(blobSource(blob)), PROJECTION);
  assertEquals(Array.from(values.subarray(0, 3)), PROJECTED);
});

const PROJECTION = "blk.2.nextn.eh_proj.weight";
/** Of seed 1, to the bit; a Philox and an inverse normal distribution written apart in Python give them to 2e-8. */
const PROJECTED = [-0.1490694284439087, -0.2038171887397766, 0.059369172900915146];

Deno.test("new model: what its tensors begin with", async () => {
  const blob = await newModel(SHAPES.nano_v3, TOKENIZER, 3, "a name");
  const gguf = await readGguf(blobSource(blob));
  assertEquals(gguf.metadata.string("general.name"), "a name");
  const deviation = async (name: string) => deviationOf(await valuesOf(blob, gguf, name));
  const wanted = {
    "token_embd.weight": 0.5,
    "output.weight": 0.5 / Math.sqrt(128),
    "blk.0.ffn_down.weight": 1 / Math.sqrt(352 * 8),
    "blk.1.ffn_down_exps.weight": 1 / Math.sqrt(112 * 8),
    "blk.1.ffn_gate_exps.weight": 1 / Math.sqrt(128),
    "blk.1.attn_k_b.weight": 1 / Math.sqrt(32),
    "blk.1.attn_v_b.weight": 1 / Math.sqrt(32),
    "blk.1.attn_q_b.weight": 1 / Math.sqrt(48),
    "blk.1.attn_output.weight": 1 / Math.sqrt(128 * 8),
    "blk.4.nextn.eh_proj.weight": 1 / 16,
  };
  for (const [name, value] of Object.entries(wanted)) {
    assertAlmostEquals(await deviation(name) / value, 1, 0.06, name);
  }
  for (const name of ["output_norm.weight", "blk.4.nextn.enorm.weight"]) {
    assert((await valuesOf(blob, gguf, name)).every((gain) => gain === 1), name);
  }
  assert((await valuesOf(blob, gguf, "blk.2.exp_probs_b.bias")).every((bias) => bias === 0));
});

Deno.test("new model: opens for training, a new one is as good as a guess", async () => {
  for (const [shape, layers] of [[SHAPES.student, 0], [SHAPES.ci_v3, 1]] as const) {
    const { model, tokenizer, parameters, tensors, backend, close } = await openTrainable(
      await newModel(shape, TOKENIZER, 1),
      { threads: 1 },
    );
    assertEquals([model.config.width, model.config.contextTokens], [shape.width, 256]);
    assertEquals([tokenizer.vocabularySize, tokenizer.bosId, tokenizer.eosId], [64, 1, 2]);
    assertEquals(model.config.nextLayers ?? 0, layers);
    assertEquals(parameters.size, tensors.size);
    const ids = Int32Array.from({ length: 60 }, (_, i) => i);
    const batch = {
      rows: 60,
      segments: [{ sequence: null, start: 0, length: 60, firstPosition: 0 }],
    };
    const hidden = model.forward(backend.ops, ids, batch, null);
    const logps = await backend.ops.read(
      backend.ops.tokenLogprobs(hidden, model.head, ids.map((id) => (id + 7) % 60), 1),
    );
    assertAlmostEquals(-logps.reduce((sum, logp) => sum + logp, 0) / 60, Math.log(64), 0.5);
    await close();
  }
});

Deno.test("new model: sizes that cannot be", async () => {
  const make = (shape: ModelShape, seed = 1) => () => newModel(shape, TOKENIZER, seed);
  await assertRejects(make({ ...SHAPES.ci, heads: 3 }), RangeError, "64 is no multiple of 3");
  await assertRejects(make(SHAPES.ci, -1), RangeError, "seed is -1");
});
