/** Training computes what sampling does, to the bit, and its gradients depend on nothing but the rows: wasm, f32 and quantized
 * bases, with and without adapters. */
import { assertEquals } from "@std/assert";
import { Tape, type TapeOptions } from "../../packages/grpo/src/autograd/tape.ts";
import type { ParameterSet } from "../../packages/grpo/src/parameters/parameter_set.ts";
import { newAdapters } from "../../packages/grpo/src/parameters/new_adapters.ts";
import {
  adapterParameters,
  fullParameters,
} from "../../packages/grpo/src/parameters/trained_parameters.ts";
import { createWasmBackend } from "../../packages/runtime/src/backend/wasm/backend.ts";
import { makeBatch } from "../../packages/runtime/src/batch.ts";
import { Decoder } from "../../packages/runtime/src/engine/decoder.ts";
import { scoreTokens } from "../../packages/runtime/src/engine/reading/score.ts";
import { StepSize } from "../../packages/runtime/src/engine/step_size.ts";
import { adaptedOps, type Adapters, loadAdapters } from "../../packages/runtime/src/lora/mod.ts";
import type { LatentForm } from "../../packages/runtime/src/model/config/latent_config.ts";
import { fixturePath } from "../support/fixture.ts";
import { seededRandom } from "../support/seeded_random.ts";
import { openTrainable, type TrainableModel } from "../support/trainable_model.ts";

const SEQUENCES = [
  Array.from({ length: 45 }, (_, i) => 10 + i * 5),
  [7, 8, 9],
  Array.from({ length: 33 }, (_, i) => 3 + i * 7),
];

/** A base with what is trained on it. */
const MODELS: readonly (readonly [file: string, kind: "all" | "adapters", form?: LatentForm])[] = [
  ["llama_untied/gguf/model-F32", "all"],
  ["qwen2/gguf/model-F32", "all"],
  ["deepseek_v3/gguf/model-F32", "all", "absorbed"],
  ["llama_untied/gguf/model-F32", "adapters"],
  ["llama_untied/gguf/model-Q8_0", "adapters"],
  ["deepseek_v3/gguf/model-Q8_0", "adapters", "naive"],
];

interface Opened extends TrainableModel {
  readonly set: ParameterSet;
  readonly adapters: Adapters;
}

async function open(
  [file, kind, form]: (typeof MODELS)[number],
  threads?: number,
): Promise<Opened> {
  const backend = await createWasmBackend({ threads });
  const trainable = await openTrainable(backend, fixturePath(`models/${file}.gguf`), form);
  const { model, parameters } = trainable;
  if (kind === "all") {
    return { ...trainable, set: fullParameters(backend, model, parameters), adapters: new Map() };
  }
  const random = seededRandom(3);
  const names = model.config.mixture ? ["all-linear", "experts"] : ["all-linear"];
  const targets = { rank: 4, alpha: 8, targets: names };
  const begun = newAdapters(model.config, targets, () => random(1000) / 1000);
  const values = begun.map((one) => ({ ...one, b: one.b.map(() => random(1000) / 5000 - 0.1) }));
  const adapters = await loadAdapters(backend, values);
  return { ...trainable, set: adapterParameters(backend, adapters), adapters };
}

/** Adds the gradients of all next tokens; gives their log-probabilities. */
async function pass(
  { backend, model, set, adapters }: Opened,
  sequences: readonly number[][],
  options: TapeOptions = {},
): Promise<number[]> {
  using tape = new Tape(backend, set, options);
  const inputs = sequences.map((ids) => ({ sequence: null, ids, firstPosition: 0 }));
  const { batch, ids } = makeBatch(inputs);
  const targets = Int32Array.from(sequences.flatMap(([first, ...rest]) => [...rest, first]));
  const hidden = model.forward(adaptedOps(tape, adapters), ids, batch, null);
  const logps = tape.tokenLogprobs(hidden, model.head, targets, 1);
  tape.backward(logps, tape.tensor(new Float32Array(ids.length).fill(0.25), [ids.length]));
  return Array.from(await tape.read(logps));
}

async function gradients({ backend, set }: Opened): Promise<Map<string, Float32Array>> {
  set.settle();
  const values = new Map<string, Float32Array>();
  for (const { name, gradient } of set.all) {
    values.set(name, await backend.grad.readGradient(gradient));
  }
  set.zero();
  return values;
}

for (const one of MODELS) {
  const [file, kind] = one;
  Deno.test(`training: ${file}, ${kind}: the tape has the bits of the scorer`, async () => {
    const opened = await open(one);
    const { backend, model, adapters } = opened;
    const decoder = new Decoder(model, adaptedOps(backend, adapters), 64);
    const cache = backend.createCache(model.kvShape("f32"));
    const scored: number[] = [];
    for (const sequence of SEQUENCES) {
      scored.push(...await scoreTokens(decoder, cache, sequence, new StepSize(1e6)));
    }
    const own = await pass(opened, SEQUENCES);
    const ends = SEQUENCES.map((_, i) => SEQUENCES.slice(0, i + 1).flat().length - 1);
    assertEquals(own.filter((_, row) => !ends.includes(row)), scored);
    await backend.close();
  });

  Deno.test(`training: ${file}, ${kind}: threads, parts and running again change no bit`, async () => {
    const opened = await open(one, 2);
    await pass(opened, SEQUENCES);
    const wanted = await gradients(opened);
    await pass(opened, SEQUENCES, { checkpoint: true });
    assertEquals(await gradients(opened), wanted, "blocks run again");
    for (const sequence of SEQUENCES) await pass(opened, [sequence]);
    assertEquals(await gradients(opened), wanted, "a batch in parts");
    await opened.backend.close();
    const single = await open(one, 1);
    await pass(single, SEQUENCES);
    assertEquals(await gradients(single), wanted, "one thread");
    await single.backend.close();
  });
}
