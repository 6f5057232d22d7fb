/** Reinforcement learning as a stage: prompts written down, GRPO over them, gates. Chooses no settings. */
import { readGrpoConfig } from "../../read_config.ts";
import { readStepLines } from "../../run/record/step_file.ts";
import { RUN_FILES } from "../../run/step_record.ts";
import {
  nanoAccuracyReward,
  nanoFormatReward,
  nanoLanguageReward,
  type NanoRow,
  nanoTask,
} from "../../tasks/mod.ts";
import { rowsTask } from "../../tasks/hash_split.ts";
import { GrpoTrainer } from "../../trainer/grpo_trainer.ts";
import type { GrpoSettings } from "../../trainer/settings.ts";
import type { RlStageSettings } from "../settings/settings.ts";
import { FIXED_ROWS, fixedValues } from "../settings/settings_table.ts";
import { rlGates } from "./gates.ts";
import { folderOf, type Lab, seedOf, type StageName, tell, withPolicy } from "./lab.ts";
import { withSampleFacts } from "./sample_facts.ts";
import { exportStage, runTraining } from "./training_run.ts";

const REWARDS = {
  accuracy: nanoAccuracyReward,
  format: nanoFormatReward,
  language_consistency: nanoLanguageReward,
};

/** Rows that a pass takes at once: the same bits as all at once, in less memory. */
const MICRO_BATCH_TOKENS = 4096;

/**
 * Trains the model of an earlier stage by its rewards.
 * @throws {GateError | GuardError} where a gate ends it
 */
export async function reinforce(
  lab: Lab,
  stage: StageName,
  from: StageName,
  settings: RlStageSettings,
): Promise<void> {
  const folder = folderOf(lab, stage);
  const seed = seedOf(lab, stage);
  const { tasks, steps, prompts, group, hasGates } = settings;
  const { languages, levels } = lab.settings;
  const endless = nanoTask({ seed, tasks, languages, levels });
  const rows = await folder.rows<NanoRow>(() =>
    Promise.resolve(Array.from({ length: steps * prompts }, (_, i) => endless.row(i)))
  );
  await withPolicy(lab, from, async (policy) => {
    const trainer = await GrpoTrainer.create({
      policy,
      task: rowsTask(endless.name, rows),
      rewards: settings.rewards.map((name) => REWARDS[name]),
    }, grpoSettings(settings, seed, lab.settings.maxTokens));
    try {
      await runTraining(lab, stage, policy, trainer, {
        told: (record) => withSampleFacts(record, group),
        guard: hasGates ? gatesOf(lab, stage) : undefined,
      });
      await exportStage(lab, stage, policy);
    } finally {
      trainer.free();
    }
  });
}

/** Gates that have seen the steps up to the checkpoint; made when the first step is there, so after what is void was cut off. */
function gatesOf(lab: Lab, stage: StageName): ReturnType<typeof rlGates> {
  let gates: ReturnType<typeof rlGates> | undefined;
  return (record) => {
    if (!gates) {
      const lines = readStepLines(folderOf(lab, stage).readText(RUN_FILES.metrics));
      const earlier = lines.filter(({ step }) => step < record.step)
        .map(({ step, ...metrics }) => ({ step, metrics: metrics as Record<string, number> }));
      gates = rlGates(earlier, (text) => tell(lab, stage, text));
    }
    gates(record);
  };
}

function grpoSettings(settings: RlStageSettings, seed: number, maxTokens: number): GrpoSettings {
  const { steps, prompts, group, learningRate, warmupSteps, beta, temperature } = settings;
  const { epsilon, numIterations, refModelSyncSteps, ...optimizer } = fixedValues(
    FIXED_ROWS.reinforcement,
  );
  return {
    objective: readGrpoConfig({
      lossType: "grpo",
      epsilon,
      beta,
      temperature,
      maxCompletionLength: maxTokens,
    }),
    numGenerations: group,
    perDeviceTrainBatchSize: prompts * group,
    numIterations,
    scaleRewards: "group",
    maskTruncatedCompletions: false,
    optimizer: { ...optimizer, decaysVectors: false },
    schedule: { type: "constant", learningRate, warmupSteps },
    maxSteps: steps,
    refModelSyncSteps,
    seed,
    shuffleDataset: false,
    microBatchTokens: MICRO_BATCH_TOKENS,
  };
}
