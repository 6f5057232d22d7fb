/** Finite differences in float64 through whole models of every architecture, their definitions unchanged over a tape. */
import { assert } from "@std/assert";
import { RULES } from "../../packages/grpo/src/autograd/rules.ts";
import { Tape } from "../../packages/grpo/src/autograd/tape.ts";
import type { ParameterSet } from "../../packages/grpo/src/parameters/parameter_set.ts";
import { newAdapters } from "../../packages/grpo/src/parameters/new_adapters.ts";
import {
  adapterParameters,
  fullParameters,
} from "../../packages/grpo/src/parameters/trained_parameters.ts";
import { makeBatch } from "../../packages/runtime/src/batch.ts";
import { type Adaptable, adaptedOps, loadAdapters } from "../../packages/runtime/src/lora/mod.ts";
import type { LatentForm } from "../../packages/runtime/src/model/config/latent_config.ts";
import type { Ops } from "../../packages/runtime/src/ops.ts";
import type { Tensor } from "../../packages/runtime/src/tensor.ts";
import {
  f32Model,
  groupedV2Model,
  modelBlob,
  olmoeModel,
  yarnLlamaModel,
} from "../support/f32_model.ts";
import { fixturePath } from "../support/fixture.ts";
import { referenceBackend } from "../support/reference_ops/reference_backend.ts";
import { valuesOf } from "../support/reference_ops/values.ts";
import { seededRandom } from "../support/seeded_random.ts";
import { MODEL_FINITE_DIFFERENCE, norm } from "../support/tolerance.ts";
import { openTrainable, type TrainableModel } from "../support/trainable_model.ts";

const SEQUENCES = [[5, 70, 9], [19, 33]];
const TARGETS = Int32Array.of(70, 9, 4, 33, 8);

const stored = (name: string) => () => fixturePath(`models/${name}/gguf/model-F32.gguf`);
const dequantized = (name: string) => async () =>
  modelBlob(await f32Model(`models/${name}/gguf/model-Q8_0.gguf`));

const MODELS: readonly (readonly [
  name: string,
  from: () => string | Blob | Promise<Blob>,
  form?: LatentForm,
])[] = [
  ["llama", stored("llama_untied")],
  ["llama stretched by YaRN", async () => modelBlob(await yarnLlamaModel())],
  ["qwen2, tied", stored("qwen2")],
  ["qwen3", dequantized("qwen3")],
  ["qwen3moe", dequantized("qwen3_moe")],
  ["olmoe", async () => modelBlob(await olmoeModel())],
  ["deepseek2 of V3, absorbed", stored("deepseek_v3"), "absorbed"],
  ["deepseek2 of V3, naive", stored("deepseek_v3"), "naive"],
  ["deepseek2 of V3 without compressed queries", stored("deepseek_v3_noqlora"), "absorbed"],
  ["deepseek2 of V2 with groups", async () => modelBlob(await groupedV2Model()), "absorbed"],
];

for (const [name, from, form] of MODELS) {
  Deno.test(`finite differences: ${name}`, async () => {
    const model = await openTrainable(referenceBackend(), await from(), form);
    const set = fullParameters(model.backend, model.model, model.parameters);
    const asked = checkDirections(model, set, ({ ops }) => ops);
    for (const op of asked) assert(Object.hasOwn(RULES, op), `${name} uses ${op}, without a rule`);
  });
}

for (
  const [name, dropout] of [["llama_untied", 0.3], ["deepseek_v3", 0.3], [
    "deepseek_v3",
    0,
  ]] as const
) {
  Deno.test(`finite differences: adapters of ${name}, ${dropout} dropped`, async () => {
    const model = await openTrainable(referenceBackend(), await stored(name)(), "naive");
    const { config } = model.model;
    const random = seededRandom(9);
    const targets = config.mixture ? ["all-linear", "experts"] : ["all-linear"];
    const begun = newAdapters(config, { rank: 2, alpha: 1, targets }, () => random(1000) / 1000);
    const values = begun.map((one) => ({ ...one, b: one.b.map(() => random(1000) / 1000 - 0.5) }));
    const adapters = await loadAdapters(model.backend, values, dropout);
    const set = adapterParameters(model.backend, adapters);
    const key = { seed: [1, 2], rows: Int32Array.of(0, 1, 2, 8, 9) } as const;
    checkDirections(model, set, (on) => adaptedOps(on, adapters, key));
  });
}

const STEP = 1e-6;

/** Holds the gradient along a random direction of each parameter against differences; gives the ops that the model asked for. */
function checkDirections(
  model: TrainableModel,
  set: ParameterSet,
  opsOn: (on: Adaptable) => Ops,
): ReadonlySet<string> {
  const asked = backward(model, set, opsOn);
  set.settle();
  const random = seededRandom(8);
  for (const { name, parameter, gradient } of set.all) {
    const [numbers, slopes] = [valuesOf(parameter), valuesOf(gradient)];
    const direction = numbers.map(() => random(2001) / 1000 - 1);
    const wanted = slopes.reduce((sum, slope, i) => sum + slope * direction[i], 0);
    const lossAt = (step: number) => {
      const before = numbers.slice();
      direction.forEach((d, i) => numbers[i] += step * d);
      const logps = logpsOver(model, opsOn(model.backend));
      numbers.set(before);
      return valuesOf(logps).reduce((sum, logp) => sum + logp, 0);
    };
    const difference = (lossAt(STEP) - lossAt(-STEP)) / (2 * STEP);
    // Where a direction changes little, what it could change is the measure.
    const size = Math.max(Math.abs(wanted), 0.1 * norm(slopes), 1e-6);
    const error = Math.abs(difference - wanted) / size;
    assert(error <= MODEL_FINITE_DIFFERENCE, `${name}: off by ${error} of ${size}`);
  }
  return asked;
}

function backward(
  model: TrainableModel,
  set: ParameterSet,
  opsOn: (on: Adaptable) => Ops,
): ReadonlySet<string> {
  using tape = new Tape(model.backend, set, { checkpoint: true });
  const asked = new Set<string>();
  const watched = new Proxy(opsOn(tape), {
    get(target, name) {
      const own = Reflect.get(target, name, target);
      if (typeof own !== "function") return own;
      if (name !== "checkpoint" && name !== "tensor") asked.add(String(name));
      return own.bind(target);
    },
  });
  const logps = logpsOver(model, watched);
  tape.backward(logps, tape.tensor(new Float32Array(TARGETS.length).fill(1), [TARGETS.length]));
  return asked;
}

function logpsOver({ model }: TrainableModel, ops: Ops): Tensor {
  const inputs = SEQUENCES.map((ids) => ({ sequence: null, ids, firstPosition: 0 }));
  const { batch, ids } = makeBatch(inputs);
  const hidden = model.forward(ops, ids, batch, null);
  return ops.tokenLogprobs(hidden, model.head, TARGETS, 1);
}
