/** Runs a configuration from its model to the trained one: what `aha train` calls. Shows nothing. */
import { writeGgufAdapter } from "@aha/runtime/lora";
import { openFileSink } from "@aha/runtime/training";
import { exportModel } from "../../model/export_model.ts";
import type { Policy } from "../../policy/policy.ts";
import { SftTrainer } from "../../sft/sft_trainer.ts";
import { GrpoTrainer } from "../../trainer/grpo_trainer.ts";
import { Guards } from "../../trainer/guards.ts";
import { CheckpointFolder } from "../checkpoint_folder.ts";
import { configJson } from "../config/config_json.ts";
import type { RunConfig } from "../run_config.ts";
import { hashOfValues, type RunInputs } from "../run_inputs.ts";
import { runLoop } from "../run_loop.ts";
import { RUN_FILES, type StepRecord } from "../step_record.ts";
import type { Trainer, TrainHooks, TrainSummary } from "../trainer.ts";
import type { Training } from "../training.ts";
import { openPolicy } from "./open_policy.ts";
import { openGrpo, openSft } from "./open_training.ts";
import { readAdapterValues } from "./trained_adapters.ts";

/** Values that may be others when a run goes on: they change no bit of what is trained. */
const FREE_VALUES = new Set(["output_dir", "threads", "save_steps", "num_samples", "guards"]);

/** Values that change neither the sizes of the state nor which rows come next: a run may go on with others, and says so. */
const CHANGEABLE_VALUES = new Set([
  ...["learning_rate", "lr_scheduler_type", "warmup_steps", "max_grad_norm", "weight_decay"],
  ...["adam_beta1", "adam_beta2", "adam_epsilon", "max_steps", "num_train_epochs"],
  ...["micro_batch_tokens", "gradient_checkpointing"],
  ...["rewards", "scale_rewards", "mask_truncated_completions", "temperature", "beta"],
  ...["max_completion_length", "loss_type", "importance_sampling_level", "epsilon", "epsilon_high"],
  ...["delta", "use_bias_correction_kl", "top_entropy_quantile", "sapo_temperature_pos"],
  "sapo_temperature_neg",
]);

/**
 * Trains as a configuration says; `recorded` adds metrics, samples and the report.
 * @throws {GuardError} when a guard ends the run; what was saved stays
 * @throws {FaultyBatchError} when numbers are not finite; the batch stands in the run's folder
 */
export const train: Trainer = async (config, hooks) => {
  const start = performance.now();
  const folder = new CheckpointFolder(config.outputDir ?? "");
  if (hooks.isResumed) folder.expectCheckpoint();
  using _lock = hooks.isDryRun ? undefined : folder.lock();
  const policy = await openPolicy(config, hooks.signal);
  try {
    const training = config.kind === "grpo"
      ? await openGrpo(config, policy)
      : await openSft(config, policy, hooks.onWarning);
    const done = hooks.isDryRun
      ? await dryRun(training, config, hooks)
      : await run({ training, policy, folder }, config, hooks);
    training.free();
    return { ...done, seconds: (performance.now() - start) / 1000 };
  } finally {
    await policy.model.close();
  }
};

type Done = Omit<TrainSummary, "seconds">;

interface Parts {
  readonly training: Training;
  readonly policy: Policy;
  readonly folder: CheckpointFolder;
}

async function run(
  { training, policy, folder }: Parts,
  config: RunConfig,
  hooks: TrainHooks,
): Promise<Done> {
  const { numericsId } = policy.model.backend;
  let last: StepRecord | undefined;
  const begin = (step: number) =>
    hooks.onStart?.({ step, totalSteps: training.totalSteps, about: { numericsId } });
  if (!hooks.isResumed) {
    folder.prepare();
    begin(0);
  }
  const guards = config.kind === "grpo" && config.guards
    ? new Guards(config.guards, hooks.onWarning)
    : undefined;
  const end = await runLoop(training, {
    folder,
    saveSteps: config.saveSteps,
    config: lastingConfig(config),
    changeable: CHANGEABLE_VALUES,
    inputs: await inputsOf(policy, config),
    numericsId,
    resume: hooks.isResumed ?? false,
    onResume: begin,
    onStep: (record) => {
      last = { ...record, samples: record.samples.slice(0, config.numSamples) };
      hooks.onStep(last);
    },
    onWarning: hooks.onWarning,
    guard: guards && ((record) => guards.look(record)),
    stop: hooks.signal,
  });
  const files = end.isComplete ? await exportTrained(policy, folder) : {};
  return {
    outputDir: folder.path,
    step: end.steps,
    totalSteps: training.totalSteps,
    isFinished: end.isComplete,
    metrics: last?.metrics ?? {},
    files: { checkpoint: folder.file(RUN_FILES.checkpoint), ...files },
  };
}

/** Samples and judges one round; nothing is trained or written. */
async function dryRun(training: Training, config: RunConfig, hooks: TrainHooks): Promise<Done> {
  const { totalSteps } = training;
  hooks.onStart?.({ step: 0, totalSteps });
  if (training instanceof GrpoTrainer) {
    const { record, warnings } = await training.look(hooks.signal);
    warnings.forEach((text) => hooks.onWarning(text));
    hooks.onStep(record);
  } else if (training instanceof SftTrainer) {
    hooks.onStep(training.look(config.numSamples));
  }
  const outputDir = config.outputDir ?? "";
  return { outputDir, step: 0, totalSteps, isFinished: false, metrics: {}, files: {} };
}

/** The model, or the adapters, as files that Aha and llama.cpp load. */
async function exportTrained(
  policy: Policy,
  folder: CheckpointFolder,
): Promise<Record<string, string>> {
  const isAdapter = policy.adapters.size > 0;
  const path = folder.file(isAdapter ? RUN_FILES.adapter : RUN_FILES.model);
  const sink = await openFileSink(path, { overwrite: true });
  try {
    if (isAdapter) {
      await writeGgufAdapter(sink, await readAdapterValues(policy), policy.model.model.config);
    } else {
      await exportModel(policy.model, sink);
    }
    sink.commit();
  } finally {
    sink.abort();
  }
  return { [isAdapter ? "adapter" : "model"]: path };
}

/** The model's hash, and that of the adapters that were given. */
async function inputsOf({ model, adapterValues }: Policy, config: RunConfig): Promise<RunInputs> {
  const inputs = { [`model ${config.model}`]: await model.fingerprint() };
  if (config.adapter === null) return inputs;
  const numbers = adapterValues.map(({ a, b, ...own }) => [own, Array.from(a), Array.from(b)]);
  return { ...inputs, [`adapter ${config.adapter}`]: hashOfValues(numbers) };
}

/** The values that a run keeps when it goes on, or tells that they are others. */
function lastingConfig(config: RunConfig): string {
  const kept = Object.entries(configJson(config)).filter(([name]) => !FREE_VALUES.has(name));
  return JSON.stringify(Object.fromEntries(kept));
}
