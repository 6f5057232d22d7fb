/** Finite differences in float64 through whole models of every architecture, their definitions unchanged over a tape. */
import { assert } from "@std/assert";
import { RULES } from "../../packages/grpo/src/autograd/rules.ts";
import { Tape } from "../../packages/grpo/src/autograd/tape.ts";
import type { ParameterSet } from "../../packages/grpo/src/parameters/parameter_set.ts";
import { fullParameters } from "../../packages/grpo/src/parameters/trained_parameters.ts";
import { makeBatch } from "../../packages/runtime/src/batch.ts";
import type { LatentForm } from "../../packages/runtime/src/model/config/latent_config.ts";
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
import { MODEL_FINITE_DIFFERENCE } from "../support/tolerance.ts";
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
    const asked = new Set<string>();
    backward(model, set, asked);
    for (const op of asked) assert(Object.hasOwn(RULES, op), `${name} uses ${op}, without a rule`);
    set.settle();
    const random = seededRandom(8);
    for (const { name: parameter, parameter: of, gradient } of set.all) {
      const [numbers, slopes] = [valuesOf(of), valuesOf(gradient)];
      const direction = numbers.map(() => random(2001) / 1000 - 1);
      const wanted = slopes.reduce((sum, slope, i) => sum + slope * direction[i], 0);
      const difference = (lossAt(model, numbers, direction, 1) -
        lossAt(model, numbers, direction, -1)) / (2 * STEP);
      // Where a direction changes little, what it could change is the measure.
      const size = Math.max(Math.abs(wanted), Math.hypot(...slopes.subarray(0, 4096)) * 0.1, 1e-6);
      const error = Math.abs(difference - wanted) / size;
      assert(error <= MODEL_FINITE_DIFFERENCE, `${parameter}: off by ${error} of ${size}`);
    }
  });
}

const STEP = 1e-6;

function lossAt(
  { backend: { ops }, model }: TrainableModel,
  numbers: Float64Array,
  direction: Float64Array,
  sign: 1 | -1,
): number {
  const before = numbers.slice();
  direction.forEach((d, i) => numbers[i] += sign * STEP * d);
  const { batch, ids } = makeBatch(inputs());
  const hidden = model.forward(ops, ids, batch, null);
  const logps = valuesOf(ops.tokenLogprobs(hidden, model.head, TARGETS, 1));
  numbers.set(before);
  return logps.reduce((sum, logp) => sum + logp, 0);
}

/** Runs back once; takes down which ops the model asks for. */
function backward({ backend, model }: TrainableModel, set: ParameterSet, asked: Set<string>): void {
  using tape = new Tape(backend, set, { checkpoint: true });
  const watched = new Proxy(tape, {
    get(target, name) {
      const own = Reflect.get(target, name, target);
      if (typeof own !== "function") return own;
      if (name !== "checkpoint" && name !== "tensor") asked.add(String(name));
      return own.bind(target);
    },
  });
  const { batch, ids } = makeBatch(inputs());
  const hidden = model.forward(watched, ids, batch, null);
  const logps = watched.tokenLogprobs(hidden, model.head, TARGETS, 1);
  tape.backward(logps, tape.tensor(new Float32Array(ids.length).fill(1), [ids.length]));
}

function inputs() {
  return SEQUENCES.map((ids) => ({ sequence: null, ids, firstPosition: 0 }));
}
