/** Supervised fine-tuning as a stage, on rows that are there. Makes no rows. */
import { SftTrainer } from "../../sft/sft_trainer.ts";
import { trainingSequences } from "../../sft/training_rows.ts";
import { decodeWords, type NanoDocument, TOKEN } from "../../tasks/mod.ts";
import type { SftStageSettings } from "../settings/settings.ts";
import { FIXED_ROWS, fixedValues } from "../settings/settings_table.ts";
import { type Lab, seedOf, type StageName, withPolicy } from "./lab.ts";
import { exportStage, runTraining } from "./training_run.ts";

/** A row to learn: `prompt` as the task gave it, `completion` without the end token, which is learned too. */
export interface TraceRow {
  readonly prompt: string;
  readonly completion: string;
  readonly task: string;
}

/** A document as a row; a completion begins with a space, as the model's own do when they are decoded. */
export function rowOf(
  { ids, promptLength, task }: Pick<NanoDocument, "ids" | "promptLength" | "task">,
): TraceRow {
  const end = ids.at(-1) === TOKEN.end ? -1 : undefined;
  return {
    prompt: decodeWords(ids.slice(0, promptLength)),
    completion: ` ${decodeWords(ids.slice(promptLength, end))}`,
    task,
  };
}

/** Rows that a pass takes at once. */
const MICRO_BATCH_TOKENS = 4096;

/** Trains the model of an earlier stage on rows; prompts are not learned. */
export async function fineTune(
  lab: Lab,
  stage: StageName,
  from: StageName,
  rows: readonly TraceRow[],
  { epochs, batch, learningRate, warmupSteps }: SftStageSettings,
): Promise<void> {
  await withPolicy(lab, from, async (policy) => {
    const { tokenizer, model } = policy.model;
    const { finalRate, ...optimizer } = fixedValues(FIXED_ROWS.fineTuning);
    const sequences = rows.flatMap(({ prompt, completion }) =>
      trainingSequences(tokenizer, { prompt, completion })
    );
    const trainer = new SftTrainer(policy, {
      perDeviceTrainBatchSize: batch,
      gradientAccumulationSteps: 1,
      maxLength: model.config.contextTokens,
      packing: false,
      numTrainEpochs: epochs,
      maxSteps: 0,
      optimizer: { ...optimizer, decaysVectors: false },
      schedule: { type: "cosine", learningRate, warmupSteps, finalRate },
      shuffleDataset: true,
      seed: seedOf(lab, stage),
      microBatchTokens: MICRO_BATCH_TOKENS,
    }, sequences);
    try {
      await runTraining(lab, stage, policy, trainer);
      await exportStage(lab, stage, policy);
    } finally {
      trainer.free();
    }
  });
}
