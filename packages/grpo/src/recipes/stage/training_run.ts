/** A training in a stage's folder: goes on from its checkpoint, writes metrics and samples, exports the model at its end. */
import { openFileSink } from "@aha/runtime/training";
import { exportModel } from "../../model/export_model.ts";
import type { Policy } from "../../policy/policy.ts";
import { StepFile } from "../../run/record/step_file.ts";
import { runLoop } from "../../run/run_loop.ts";
import { RUN_FILES, type StepRecord } from "../../run/step_record.ts";
import type { Training } from "../../run/training.ts";
import { folderOf, type Lab, type StageName, tell } from "./lab.ts";

/** Steps between checkpoints. */
const SAVE_STEPS = 20;

/** How a training is watched. */
export interface TrainingWatch {
  /** Adds to a record what the stage wants told, and keeps some of its samples. */
  readonly told?: (record: StepRecord) => StepRecord;
  /** Sees each record; throws to end the stage. */
  readonly guard?: (record: StepRecord) => void;
}

/**
 * Runs a training to its end, from its checkpoint if there is one.
 * @throws the signal's reason where that ended it; what was trained is saved
 * @throws what the guard throws; what was trained is saved
 */
export async function runTraining(
  lab: Lab,
  stage: StageName,
  policy: Policy,
  training: Training,
  { told = (record) => record, guard }: TrainingWatch = {},
): Promise<void> {
  const { hooks: { signal, onStart, onStep } } = lab;
  const folder = folderOf(lab, stage);
  let files: StageRecord | undefined;
  const begin = (step: number) => {
    files?.close();
    files = new StageRecord(lab, stage, step);
    onStart?.({ step, totalSteps: training.totalSteps }, stage);
  };
  let whole: StepRecord | undefined;
  folder.prepare();
  const resume = folder.has(RUN_FILES.checkpoint);
  if (!resume) begin(0);
  try {
    const end = await runLoop(training, {
      folder,
      resume,
      saveSteps: SAVE_STEPS,
      config: JSON.stringify({ stage, seed: lab.seed, settings: lab.settings[stage] }),
      numericsId: policy.model.backend.numericsId,
      onResume: begin,
      inputs: { model: await policy.model.fingerprint() },
      onStep(record) {
        whole = told(record);
        files?.append(whole);
        onStep?.(whole, stage);
      },
      guard: guard && (() => whole && guard(whole)),
      onWarning: (text) => tell(lab, stage, text),
      stop: signal,
    });
    if (!end.isComplete) signal?.throwIfAborted();
  } finally {
    files?.close();
  }
}

/** Writes the stage's model as it is now. */
export async function exportStage(lab: Lab, stage: StageName, policy: Policy): Promise<void> {
  const sink = await openFileSink(folderOf(lab, stage).modelPath, { overwrite: true });
  try {
    await exportModel(policy.model, sink, { name: "nano" });
    sink.commit();
  } finally {
    sink.abort();
  }
}

/** The open files of a training. */
class StageRecord {
  readonly #metrics: StepFile;
  readonly #samples: StepFile;

  constructor(lab: Lab, stage: StageName, step: number) {
    const folder = folderOf(lab, stage);
    this.#metrics = new StepFile(folder.file(RUN_FILES.metrics), step);
    this.#samples = new StepFile(folder.file(RUN_FILES.samples), step);
  }

  append({ step, metrics, samples }: StepRecord): void {
    this.#metrics.append([{ step, ...metrics }]);
    this.#samples.append(samples.map((sample) => ({ step, ...sample })));
  }

  close(): void {
    this.#metrics.close();
    this.#samples.close();
  }
}
