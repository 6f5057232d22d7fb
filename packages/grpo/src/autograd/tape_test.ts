/** Tests of the tape itself: what it keeps, what it refuses, and that neither splitting nor running again changes a bit. */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { fixturePath } from "../../../../tests/support/fixture.ts";
import {
  reference,
  referenceBackend,
} from "../../../../tests/support/reference_ops/reference_backend.ts";
import { valuesOf } from "../../../../tests/support/reference_ops/values.ts";
import { openTrainable, type TrainableModel } from "../../../../tests/support/trainable_model.ts";
import { makeBatch, type Tensor, type Weight } from "@aha/runtime/training";
import type { ParameterSet } from "../parameters/parameter_set.ts";
import { fullParameters } from "../parameters/trained_parameters.ts";
import { Tape, type TapeOptions } from "./tape.ts";

const TIED = "models/qwen2/gguf/model-F32.gguf";
const V3 = "models/deepseek_v3/gguf/model-F32.gguf";
const SEQUENCES = [[5, 7, 9, 11, 3], [9, 5, 2]];

function open(path: string): Promise<TrainableModel> {
  return openTrainable(referenceBackend(), fixturePath(path));
}

/** Adds the gradients of the log-probabilities of each sequence's next tokens, and gives these. */
function pass(
  { backend, model }: TrainableModel,
  places: ParameterSet,
  sequences: readonly number[][],
  options: TapeOptions = {},
): number[] {
  using tape = new Tape(backend, places, options);
  const inputs = sequences.map((ids) => ({ sequence: null, ids, firstPosition: 0 }));
  const { batch, ids } = makeBatch(inputs);
  const targets = Int32Array.from(sequences.flatMap(([first, ...rest]) => [...rest, first]));
  const hidden = model.forward(tape, ids, batch, null);
  const logps = tape.tokenLogprobs(hidden, model.head, targets, 1);
  tape.backward(logps, tape.tensor(new Float32Array(ids.length).fill(1), [ids.length]));
  return Array.from(valuesOf(logps));
}

function gradientsOf(set: ParameterSet): Map<string, number[]> {
  set.settle();
  return new Map(set.all.map(({ name, gradient }) => [name, Array.from(valuesOf(gradient))]));
}

function gradientsAfter(
  model: TrainableModel,
  batches: readonly number[][][],
  options: TapeOptions = {},
): Map<string, number[]> {
  const set = fullParameters(model.backend, model.model, model.parameters);
  for (const batch of batches) pass(model, set, batch, options);
  return gradientsOf(set);
}

for (const path of [TIED, V3]) {
  Deno.test(`tape: ${path}: blocks that run again give the same bits`, async () => {
    const model = await open(path);
    const again = gradientsAfter(model, [SEQUENCES], { checkpoint: true });
    assertEquals(again, gradientsAfter(model, [SEQUENCES]));
  });

  Deno.test(`tape: ${path}: a batch in parts gives the bits of a batch in one`, async () => {
    const model = await open(path);
    const parts = gradientsAfter(model, SEQUENCES.map((sequence) => [sequence]));
    assertEquals(parts, gradientsAfter(model, [SEQUENCES]));
  });
}

Deno.test("tape: a forward pass over it has the bits of one without", async () => {
  const model = await open(V3);
  const set = fullParameters(model.backend, model.model, model.parameters);
  const { batch, ids } = makeBatch([{ sequence: null, ids: SEQUENCES[0], firstPosition: 0 }]);
  using tape = new Tape(model.backend, set);
  const over = model.model.forward(tape, ids, batch, null);
  assertEquals(valuesOf(over), valuesOf(model.model.forward(model.backend.ops, ids, batch, null)));
});

Deno.test("tape: what only constants have gone into is not walked", async () => {
  const model = await open(TIED);
  const calls: string[] = [];
  const grad = new Proxy(reference.grad, {
    get(target, name) {
      calls.push(String(name));
      return Reflect.get(target, name);
    },
  });
  const last = model.parameters.get("blk.1.ffn_down.weight") as Weight;
  const gradient = reference.grad.createGradient(last);
  const ofWeight = ({ name }: Weight) => name === last.name ? gradient : undefined;
  const places = { ofWeight, ofVector: () => undefined };
  using tape = new Tape({ ...reference, grad }, places);
  const { batch, ids } = makeBatch([{ sequence: null, ids: SEQUENCES[0], firstPosition: 0 }]);
  const hidden = model.model.forward(tape, ids, batch, null);
  tape.backward(hidden, tape.tensor(new Float32Array(5 * 64).fill(1), [5, 64]));
  assertEquals(calls, ["rmsNorm", "linearWeight"]);
  assert(valuesOf(gradient).some((value) => value !== 0));
});

Deno.test("tape: gradients add up over calls, also of tensors inside", () => {
  const table: Weight = {
    name: "table",
    type: "F32",
    rows: 2,
    cols: 2,
    storage: Float64Array.of(1, 2, 3, 4),
  };
  const gradient = reference.grad.createGradient(table);
  using tape = new Tape(reference, { ofWeight: () => gradient, ofVector: () => undefined });
  const x = tape.embed(Int32Array.of(1), table);
  const ones = tape.tensor(Float32Array.of(1, 1), [1, 2]);
  tape.backward(tape.grad.scale(x, 3), ones);
  tape.backward(x, ones);
  assertEquals(Array.from(valuesOf(gradient)), [0, 0, 4, 4]);
});

Deno.test("tape: refusals", async () => {
  const model = await open(TIED);
  const { head, config } = model.model;
  const set = fullParameters(model.backend, model.model, model.parameters);
  using tape = new Tape(model.backend, set, { checkpoint: true });
  await assertRejects(() => tape.sample(), TypeError, "draws no tokens");
  await assertRejects(() => tape.drawRows(), TypeError, "draws no tokens");
  const x = tape.embed(Int32Array.of(1, 2), head);
  const other = tape.embed(Int32Array.of(1, 2), head);
  assertThrows(() => tape.backward(x, tape.selectRows(x, [0])), RangeError, "[1,64]");
  const constant = tape.tensor(new Float32Array(2), [2]);
  assertThrows(() => tape.backward(constant, constant), TypeError, "trained");
  assertThrows(() => tape.checkpoint(() => tape.add(x, other)), RangeError, "2 tensors");
  const batch = makeBatch([{ sequence: null, ids: [1, 2], firstPosition: 0 }]).batch;
  const sizes = { layer: 0, heads: 1, kvHeads: 1, keySize: 64, valueSize: 64, scale: 1 };
  const cache = {} as NonNullable<Parameters<Tape["attend"]>[4]>;
  assertThrows(() => tape.attend(x, x, x, batch, cache, sizes), TypeError, "cache");
  const latent = { layer: 0, heads: 1, rank: 60, rotarySize: 4, scale: 1 };
  assertThrows(() => tape.latentAttend(x, x, batch, cache, latent), TypeError, "cache");
  assertEquals(await tape.read(x), await model.backend.ops.read(x as Tensor));
  assertEquals(config.width, 64);
});
