/** GRPO through whole models against TRL's trainer: gradients of every parameter, and three whole updates. */
import { assert, assertAlmostEquals } from "@std/assert";
import { existsSync } from "node:fs";
import type { TrlGrpoConfig } from "../../packages/grpo/mod.ts";
import { AdamWOptimizer } from "../../packages/grpo/src/optim/adamw.ts";
import type { ParameterSet } from "../../packages/grpo/src/parameters/parameter_set.ts";
import {
  adapterParameters,
  fullParameters,
} from "../../packages/grpo/src/parameters/trained_parameters.ts";
import {
  type Adapters,
  loadAdapters,
  readPeftAdapter,
} from "../../packages/runtime/src/lora/mod.ts";
import { fixtureJson, fixturePath } from "../support/fixture.ts";
import { hfArrangement } from "../support/hf_arrangement.ts";
import { hfPairs } from "../support/hf_pairs.ts";
import { peftFolder } from "../support/peft_folder.ts";
import type { FixtureBatch } from "../support/policy_fixture.ts";
import { policyGradients } from "../support/policy_training.ts";
import { readSafetensors } from "../support/safetensors.ts";
import {
  norm,
  TRAINED_LOGPROB,
  TRAINED_LOSS_ABSOLUTE,
  TRAINING_GRADIENT,
  TRAINING_LOSS_RELATIVE,
} from "../support/tolerance.ts";
import { TRAINABLE_BACKENDS } from "../support/trainable_backends.ts";
import { openTrainable, type TrainableModel } from "../support/trainable_model.ts";
import {
  assertChanges,
  assertTensors,
  gradientValues,
  type NamedNumbers,
  parameterValues,
  storedTensors,
} from "../support/training_steps.ts";

interface Case {
  readonly key: string;
  readonly batch: string | readonly string[];
  readonly config: TrlGrpoConfig;
  readonly loss?: number;
  readonly losses?: readonly number[];
  readonly grad_norms: Readonly<Record<string, number>>;
}

interface Reference {
  readonly batches: Readonly<Record<string, FixtureBatch>>;
  readonly cases: readonly Case[];
}

interface Loop {
  readonly model: string;
  readonly loss_type: NonNullable<TrlGrpoConfig["loss_type"]>;
  readonly level: "token" | "sequence";
  readonly beta: number;
  readonly epsilon_high: number;
  readonly lr: number;
  readonly weight_decay: number;
  readonly temperature: number;
  readonly max_completion_length: number;
  readonly adamw: { readonly betas: [number, number]; readonly eps: number; readonly clip: number };
  readonly lora:
    | { readonly r: number; readonly alpha: number; readonly target_modules: string[] }
    | null;
  readonly batch: FixtureBatch;
  readonly steps: readonly {
    readonly loss: number;
    readonly grad_norm_before_clipping: number;
  }[];
  readonly per_token_logps_after: readonly (readonly number[])[];
}

for (const [backendName, createBackend, { caseStride }] of TRAINABLE_BACKENDS) {
  const open = async (name: string) =>
    await openTrainable(
      await createBackend(),
      fixturePath(`models/${name}/gguf/model-F32.gguf`),
      "naive",
    );

  for (const name of ["llama_untied", "deepseek_v3"]) {
    Deno.test(`GRPO on ${name}, ${backendName}: gradients through the model are TRL's`, async () => {
      const { batches, cases } = fixtureJson<Reference>(`grpo/${name}/grpo.json`);
      const stored = new Map([
        ...storedTensors(`grpo/${name}/grads_selected.safetensors`),
        ...storedTensors(`grpo/${name}/grads_full.safetensors`),
      ]);
      const model = await open(name);
      const set = fullParameters(model.backend, model.model, model.parameters);
      for (const [i, one] of cases.entries()) {
        if (i % caseStride !== 0) continue;
        set.zero();
        for (const [part, id] of [one.batch].flat().entries()) {
          const { loss } = await policyGradients(model, set, batches[id], one.config);
          near(loss, one.losses?.[part] ?? one.loss ?? NaN, `${one.key}: loss`);
        }
        checkGradients(one, hfNamed(model, await gradientValues(model, set)), stored);
      }
      await model.backend.close();
    });
  }

  for (const folder of ["0_llama_untied", "1_llama_untied", "2_deepseek_v3", "3_qwen2"]) {
    const loop = fixtureJson<Loop>(`grpo_loop/${folder}/loop.json`);
    const initial = fixturePath(`grpo_loop/${folder}/lora_init.safetensors`);
    if (loop.lora && !existsSync(initial)) continue;
    Deno.test(`GRPO loop ${folder}, ${backendName}: three updates are TRL's`, async () => {
      const model = await open(loop.model);
      const { set, adapters, arranged } = await trained(model, loop, initial);
      const named = async () => arranged(await parameterValues(model, set));
      const before = await named();
      const gradients = await update(model, set, adapters, loop, arranged);
      const wanted = storedTensors(`grpo_loop/${folder}/after_step3.safetensors`);
      assertChanges(await named(), wanted, before, "after three steps", gradients);
      const { logps } = await policyGradients(model, set, loop.batch, configOf(loop), adapters);
      loop.per_token_logps_after.forEach((row, i) =>
        row.forEach((logp, token) =>
          assertAlmostEquals(
            logps[i][token],
            logp,
            TRAINED_LOGPROB,
            `log-probability ${i}, ${token}`,
          )
        )
      );
      await model.backend.close();
    });
  }
}

function near(actual: number, wanted: number, what: string): void {
  const limit = Math.max(TRAINING_LOSS_RELATIVE * Math.abs(wanted), TRAINED_LOSS_ABSOLUTE);
  assertAlmostEquals(actual, wanted, limit, `${what} is ${actual}, not ${wanted}`);
}

function checkGradients(one: Case, gradients: NamedNumbers, stored: NamedNumbers): void {
  for (const [tensor, wanted] of Object.entries(one.grad_norms)) {
    const own = norm(gradients.get(tensor) ?? []);
    const limit = TRAINING_GRADIENT * wanted;
    assertAlmostEquals(
      own,
      wanted,
      limit,
      `${one.key}: norm of ${tensor} is ${own}, not ${wanted}`,
    );
  }
  const prefix = `${one.key}/`;
  const own = [...stored].filter(([tensor]) => tensor.startsWith(prefix))
    .map(([tensor, values]) => [tensor.slice(prefix.length), values] as const);
  assert(own.length > 0, one.key);
  assertTensors(gradients, new Map(own), TRAINING_GRADIENT, one.key);
}

function hfNamed({ model }: TrainableModel, values: NamedNumbers): NamedNumbers {
  const isTied = model.head.name === "token_embd.weight";
  return hfArrangement(model.config, isTied, (name) => values.get(name));
}

/** Numbers of parameters by GGUF's names, under Hugging Face's. */
type Arrange = (numbers: NamedNumbers) => NamedNumbers;

/** What a loop trains. */
async function trained(model: TrainableModel, { lora }: Loop, initial: string): Promise<{
  set: ParameterSet;
  adapters: Adapters;
  arranged: Arrange;
}> {
  if (!lora) {
    const set = fullParameters(model.backend, model.model, model.parameters);
    return { set, adapters: new Map(), arranged: (numbers) => hfNamed(model, numbers) };
  }
  const { r, alpha, target_modules } = lora;
  const config = {
    peft_type: "LORA",
    r,
    lora_alpha: alpha,
    target_modules,
    // As peft writes them for mixtures: gate and up are one tensor with twice the rank.
    rank_pattern: { ".*\\.gate_up_proj": 2 * r },
    alpha_pattern: { ".*\\.gate_up_proj": 2 * alpha },
  };
  const folder = peftFolder(config, readSafetensors(initial));
  const { values } = await readPeftAdapter(folder, model.model.config);
  const adapters = await loadAdapters(model.backend, values);
  const set = adapterParameters(model.backend, adapters);
  const arranged: Arrange = (numbers) => hfPairs(values, numbers, model.model.config);
  return { set, adapters, arranged };
}

function configOf(loop: Loop): TrlGrpoConfig {
  return {
    loss_type: loop.loss_type,
    importance_sampling_level: loop.level,
    beta: loop.beta,
    epsilon_high: loop.epsilon_high,
    temperature: loop.temperature,
    max_completion_length: loop.max_completion_length,
  };
}

/** Takes the steps; gives the gradients of the first. */
async function update(
  model: TrainableModel,
  set: ParameterSet,
  adapters: Adapters,
  loop: Loop,
  arranged: Arrange,
): Promise<NamedNumbers> {
  let first: NamedNumbers | undefined;
  const optimizer = new AdamWOptimizer(model.backend.grad, set, {
    beta1: loop.adamw.betas[0],
    beta2: loop.adamw.betas[1],
    epsilon: loop.adamw.eps,
    weightDecay: loop.weight_decay,
    maxGradientNorm: loop.adamw.clip,
  });
  for (const [i, step] of loop.steps.entries()) {
    const { loss } = await policyGradients(model, set, loop.batch, configOf(loop), adapters);
    near(loss, step.loss, `loss of step ${i + 1}`);
    first ??= arranged(await gradientValues(model, set));
    const { gradientNorm } = optimizer.step(loop.lr);
    near(gradientNorm, step.grad_norm_before_clipping, `norm of step ${i + 1}`);
  }
  return first ?? new Map();
}
