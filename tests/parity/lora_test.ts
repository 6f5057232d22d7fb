/** Adapters of whole models against PyTorch's and peft's: loss, gradients, optimizer steps, files, merging. */
import { assert } from "@std/assert";
import { existsSync } from "node:fs";
import { adapterParameters } from "../../packages/grpo/src/parameters/trained_parameters.ts";
import {
  type AdapterValues,
  loadAdapters,
  mergedValues,
  type PeftAdapter,
  peftAdapterFiles,
  readPeftAdapter,
} from "../../packages/runtime/src/lora/mod.ts";
import { fixtureJson, fixturePath } from "../support/fixture.ts";
import { hfPairs } from "../support/hf_pairs.ts";
import { peftFolder, peftFolderOf, writtenTensors } from "../support/peft_folder.ts";
import { readSafetensors } from "../support/safetensors.ts";
import {
  F32_NMSE,
  nmse,
  ROUTED_TRAINING_LOSS_RELATIVE,
  TRAINING_GRADIENT,
  TRAINING_LOSS_RELATIVE,
} from "../support/tolerance.ts";
import { TRAINABLE_BACKENDS } from "../support/trainable_backends.ts";
import { openTrainable, type TrainableModel } from "../support/trainable_model.ts";
import {
  countedRows,
  type LoraRun,
  lossAndGradients,
  trainingReference,
} from "../support/training_fixture.ts";
import {
  assertChanges,
  assertRelative,
  assertTensors,
  gradientValues,
  type NamedNumbers,
  parameterValues,
  runSteps,
  storedTensors,
} from "../support/training_steps.ts";

const RUNS = [["llama_untied", 0], ["llama_untied", 1], ["deepseek_v3", 0]] as const;

for (const [backendName, createBackend] of TRAINABLE_BACKENDS) {
  for (const [name, k] of RUNS) {
    const folder = `train/${name}/lora_${k}`;
    // The small copy of the references has some runs without their steps, or not at all.
    const hasSteps = existsSync(fixturePath(`${folder}_init.safetensors`));
    const path = fixturePath(`models/${name}/gguf/model-F32.gguf`);

    if (hasSteps) {
      Deno.test(`adapters: ${name} ${k}, ${backendName}: gradients and steps are PyTorch's`, async () => {
        const model = await openTrainable(await createBackend(), path, "naive");
        const reference = trainingReference(name);
        const run = reference.lora[k];
        const start = await storedAdapter(model, run, folder, `${folder}_init`);
        const adapters = await loadAdapters(model.backend, start.values);
        const set = adapterParameters(model.backend, adapters);
        const inHf = (numbers: NamedNumbers) => hfPairs(start.values, numbers, model.model.config);

        const rows = countedRows(reference);
        const loss = await lossAndGradients(model, set, rows, { adapters, checkpoint: true });
        assertRelative(loss, run.loss, TRAINING_LOSS_RELATIVE, "loss");
        const gradients = inHf(await gradientValues(model, set));
        const wanted = storedTensors(`${folder}_grads.safetensors`);
        assertTensors(gradients, wanted, TRAINING_GRADIENT, "gradient");

        const before = storedTensors(`${folder}_init.safetensors`);
        await runSteps(model, set, {
          run: { ...run, ...run.adamw },
          tolerance: name === "deepseek_v3"
            ? ROUTED_TRAINING_LOSS_RELATIVE
            : TRAINING_LOSS_RELATIVE,
          pass: () => lossAndGradients(model, set, rows, { adapters }),
          onStep: async (step) => {
            const after = inHf(await parameterValues(model, set));
            const wanted = storedTensors(`${folder}_step${step}.safetensors`);
            assertChanges(after, wanted, before, `step ${step}`);
          },
        });
        for (const step of [1, 5]) {
          const stored = `${folder}_step${step}`;
          const { values } = await storedAdapter(model, run, folder, stored);
          const own = await loadAdapters(model.backend, values);
          const places = adapterParameters(model.backend, own);
          const loss = await lossAndGradients(model, places, rows, { adapters: own });
          const wanted = run.losses_before_each_step_and_after[step];
          assertRelative(loss, wanted, TRAINING_LOSS_RELATIVE, `loss of ${stored}`);
        }
        await model.backend.close();
      });
    }

    if (!existsSync(fixturePath(`${folder}_peft`))) continue;
    Deno.test(`adapters: ${name} ${k}, ${backendName}: peft's file merges to the logits recorded`, async () => {
      const model = await openTrainable(await createBackend(), path, "naive");
      const { values } = await readPeftAdapter(
        peftFolderOf(fixturePath(`${folder}_peft`)),
        model.model.config,
      );
      await merge(model, values);
      const { input_ids: [ids] } = trainingReference(name);
      const logits = await logitsOf(model, ids);
      const [wanted] = storedTensors(`${folder}_merged_logits_after_step5.safetensors`).values();
      const error = nmse(logits.slice(-wanted.length), wanted);
      assert(error <= F32_NMSE, `logits are off by ${error}`);
      await model.backend.close();
    });

    if (name === "deepseek_v3") continue;
    Deno.test(`adapters: ${name} ${k}, ${backendName}: a file written is peft's own`, async () => {
      const model = await openTrainable(await createBackend(), path, "naive");
      const place = fixturePath(`${folder}_peft`);
      const adapter = await readPeftAdapter(peftFolderOf(place), model.model.config);
      const files = peftAdapterFiles(adapter, model.model.config);
      const written = writtenTensors(files.get("adapter_model.safetensors") as Uint8Array);
      const stored = readSafetensors(`${place}/adapter_model.safetensors`);
      const own = [...stored].map(([tensor, { values }]) =>
        [tensor.replace("base_model.model.", ""), values] as const
      );
      assert(written.size === stored.size, `${written.size} tensors of ${stored.size}`);
      assertTensors(written, new Map(own), 0, "written");
    });
  }
}

/** Adapters of a run at some step, read as peft's files are. */
async function storedAdapter(
  { model }: TrainableModel,
  run: LoraRun,
  folder: string,
  stored: string,
): Promise<PeftAdapter> {
  const own = `${folder}_peft/adapter_config.json`;
  const config = existsSync(fixturePath(own)) ? fixtureJson<Record<string, unknown>>(own) : {
    peft_type: "LORA",
    r: run.r,
    lora_alpha: run.alpha,
    use_rslora: run.rslora ?? false,
    target_modules: run.target_modules,
  };
  const tensors = readSafetensors(fixturePath(`${stored}.safetensors`));
  return await readPeftAdapter(peftFolder(config, tensors), model.config);
}

async function merge(
  { backend: { grad }, parameters }: TrainableModel,
  values: readonly AdapterValues[],
): Promise<void> {
  for (const adapter of values) {
    const weight = parameters.get(adapter.weight);
    assert(weight, adapter.weight);
    const merged = mergedValues(await grad.readParameter(weight), adapter);
    grad.writeParameter(weight, merged);
  }
}

async function logitsOf(
  { backend: { ops }, model }: TrainableModel,
  ids: readonly number[],
): Promise<Float32Array> {
  const segment = { sequence: null, start: 0, length: ids.length, firstPosition: 0 };
  using _scope = ops.scope();
  const batch = { rows: ids.length, segments: [segment] };
  const hidden = model.forward(ops, Int32Array.from(ids), batch, null);
  return await ops.read(ops.linear(hidden, model.head));
}
