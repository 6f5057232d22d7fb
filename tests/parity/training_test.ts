/** Losses, gradients and optimizer steps of whole models against PyTorch's. Without adapters, without GRPO. */
import { assert } from "@std/assert";
import { fullParameters } from "../../packages/grpo/src/parameters/trained_parameters.ts";
import type { LatentForm } from "../../packages/runtime/src/model/config/latent_config.ts";
import { fixturePath } from "../support/fixture.ts";
import { hfArrangement } from "../support/hf_arrangement.ts";
import { TRAINABLE_BACKENDS } from "../support/trainable_backends.ts";
import { norm, TRAINING_GRADIENT, TRAINING_LOSS_RELATIVE } from "../support/tolerance.ts";
import { openTrainable, type TrainableModel } from "../support/trainable_model.ts";
import { countedRows, lossAndGradients, trainingReference } from "../support/training_fixture.ts";
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

const MODELS: readonly (readonly [name: string, form?: LatentForm])[] = [
  ["llama_untied"],
  ["qwen2"],
  ["deepseek_v3", "absorbed"],
  ["deepseek_v3", "naive"],
];

for (const [backendName, createBackend] of TRAINABLE_BACKENDS) {
  for (const [name, form] of MODELS) {
    const what = `${name}${form ? `, ${form}` : ""}, ${backendName}`;
    const path = fixturePath(`models/${name}/gguf/model-F32.gguf`);

    Deno.test(`training: ${what}: loss and gradients are PyTorch's`, async () => {
      const model = await openTrainable(await createBackend(), path, form);
      const reference = trainingReference(name);
      const set = fullParameters(model.backend, model.model, model.parameters);
      const loss = await lossAndGradients(model, set, countedRows(reference), { checkpoint: true });
      assertRelative(loss, reference.loss, TRAINING_LOSS_RELATIVE, "loss");
      const gradients = hfNamed(model, await gradientValues(model, set));
      for (const [tensor, wanted] of Object.entries(reference.grad_norms)) {
        const own = norm(gradients.get(tensor) ?? []);
        assertRelative(own, wanted, TRAINING_GRADIENT, `norm of ${tensor}`);
      }
      const stored = storedTensors(`train/${name}/grads.safetensors`);
      assert(stored.size > 0);
      assertTensors(gradients, stored, TRAINING_GRADIENT, "gradient");
      await model.backend.close();
    });

    Deno.test(`training: ${what}: AdamW's steps are PyTorch's`, async () => {
      const reference = trainingReference(name);
      for (const [k, run] of reference.adamw.entries()) {
        const model = await openTrainable(await createBackend(), path, form);
        const set = fullParameters(model.backend, model.model, model.parameters);
        const before = hfNamed(model, await parameterValues(model, set));
        const rows = countedRows(reference);
        await runSteps(model, set, {
          run,
          pass: () => lossAndGradients(model, set, rows),
          onStep: async (step) => {
            const wanted = storedTensors(`train/${name}/adamw_${k}_step${step}.safetensors`);
            const after = hfNamed(model, await parameterValues(model, set));
            assertChanges(after, wanted, before, `run ${k}, step ${step}`);
          },
        });
        await model.backend.close();
      }
    });
  }
}

function hfNamed({ model }: TrainableModel, values: NamedNumbers): NamedNumbers {
  const isTied = model.head.name === "token_embd.weight";
  return hfArrangement(model.config, isTied, (name) => values.get(name));
}
