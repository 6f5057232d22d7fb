/** The trainer of supervised data against PyTorch's and peft's steps: losses and norms, all of a model and adapters. */
import { assertAlmostEquals, assertEquals } from "@std/assert";
import { openTrainable } from "@aha/runtime/training";
import { fullPolicy, type Policy } from "../../packages/grpo/src/policy/policy.ts";
import type { CountedSequence } from "../../packages/grpo/src/policy/counted_sequence.ts";
import { type SftSettings, SftTrainer } from "../../packages/grpo/src/sft/sft_trainer.ts";
import { fixtureJson, fixturePath } from "../support/fixture.ts";
import { TRAINING_LOSS_RELATIVE } from "../support/tolerance.ts";
import type { AdamWRun, TrainingReference } from "../support/training_fixture.ts";

/** The batch of a reference file without its padding. */
function sequencesOf({ input_ids, attention_mask, labels }: TrainingReference): CountedSequence[] {
  return input_ids.map((all, row) => {
    const ids = all.filter((_, i) => attention_mask[row][i] === 1);
    return { ids, mask: ids.map((_, i) => labels[row][i] === -100 ? 0 : 1) };
  });
}

function settingsOf(run: AdamWRun, rows: number): SftSettings {
  return {
    perDeviceTrainBatchSize: rows,
    gradientAccumulationSteps: 1,
    maxLength: 1024,
    packing: false,
    numTrainEpochs: run.grad_norms_before_clipping.length,
    maxSteps: 0,
    optimizer: {
      beta1: run.betas[0],
      beta2: run.betas[1],
      epsilon: run.eps,
      weightDecay: run.weight_decay,
      decaysVectors: !run.no_decay_1d,
      maxGradientNorm: run.clip,
    },
    schedule: { type: "constant", learningRate: run.lr, warmupSteps: run.warmup },
    shuffleDataset: false,
    seed: 0,
  };
}

async function train(policy: Policy, settings: SftSettings, data: readonly CountedSequence[]) {
  const trainer = new SftTrainer(policy, settings, data);
  const records = [];
  while (trainer.steps < trainer.totalSteps) records.push(await trainer.step());
  trainer.free();
  return records.map(({ metrics }) => metrics);
}

async function parametersOf({ parameters, model: { backend: { grad } } }: Policy) {
  const all: Float32Array[] = [];
  for (const { parameter } of parameters.all) all.push(await grad.readParameter(parameter));
  return all;
}

for (const name of ["llama_untied", "deepseek_v3"]) {
  const reference = fixtureJson<TrainingReference>(`train/${name}/train.json`);
  const data = sequencesOf(reference);
  const open = async () =>
    fullPolicy(await openTrainable(fixturePath(`models/${name}/gguf/model-F32.gguf`)));

  Deno.test(`SFT of ${name}: the losses and norms of torch's steps`, async () => {
    for (const [i, run] of reference.adamw.entries()) {
      const policy = await open();
      const records = await train(policy, settingsOf(run, data.length), data);
      records.forEach(({ loss, grad_norm }, step) => {
        const wanted = run.losses_before_each_step_and_after[step];
        const what = `run ${i}, step ${step + 1}`;
        assertAlmostEquals(loss, wanted, TRAINING_LOSS_RELATIVE * wanted, `loss of ${what}`);
        const norm = run.grad_norms_before_clipping[step];
        assertAlmostEquals(grad_norm, norm, TRAINING_LOSS_RELATIVE * norm, `norm of ${what}`);
      });
      await policy.model.close();
    }
  });

  Deno.test(`SFT of ${name}: accumulation, packing and small parts change no bit`, async () => {
    const settings = settingsOf(reference.adamw[0], data.length);
    const cases: Partial<SftSettings>[] = [
      {},
      { perDeviceTrainBatchSize: 1, gradientAccumulationSteps: data.length },
      { perDeviceTrainBatchSize: 1, packing: true },
      { microBatchTokens: 20 },
      { gradientCheckpointing: true },
    ];
    let wanted: Float32Array[] | undefined;
    for (const one of cases) {
      const policy = await open();
      await train(policy, { ...settings, numTrainEpochs: 2, ...one }, data);
      const after = await parametersOf(policy);
      wanted ??= after;
      assertEquals(after, wanted, JSON.stringify(one));
      await policy.model.close();
    }
  });
}
