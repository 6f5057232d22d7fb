/** The training of a configuration: policy, task, rewards or data put together. Takes no steps. */
import { readRewards, type RewardChoice } from "../../rewards/mod.ts";
import type { Reward } from "../../rewards/reward.ts";
import type { AdamWOptions } from "../../optim/adamw.ts";
import type { Policy } from "../../policy/policy.ts";
import { loadRewardModel } from "../../reward_model/reward_model.ts";
import { readTrainingRows } from "../../sft/read_training_rows.ts";
import { SftTrainer } from "../../sft/sft_trainer.ts";
import {
  nanoAccuracyReward,
  nanoFormatReward,
  nanoLanguageReward,
} from "../../tasks/nano/rewards.ts";
import { readTask } from "../../tasks/read_task.ts";
import type { Task } from "../../tasks/task.ts";
import { GrpoTrainer } from "../../trainer/grpo_trainer.ts";
import type { GrpoSettings } from "../../trainer/settings.ts";
import { roundSizes } from "../../trainer/settings.ts";
import type { CommonRunConfig, GrpoRunConfig, RewardConfig, SftRunConfig } from "../run_config.ts";

/** Rewards of the nano tasks, which know their own form. */
const TASK_REWARDS: ReadonlyMap<string, Reward> = new Map([
  ["nano_accuracy", nanoAccuracyReward],
  ["nano_format", nanoFormatReward],
  ["nano_language", nanoLanguageReward],
]);

/**
 * Reinforcement learning.
 * @throws {RangeError} for sizes that do not fit each other, names that there are not
 * @throws {DataError} for a task's file that cannot be used
 */
export async function openGrpo(config: GrpoRunConfig, policy: Policy): Promise<GrpoTrainer> {
  const { seed, objective, systemPrompt } = config;
  const task = withSystemPrompt(await readTask(config.task, { seed }), systemPrompt);
  const rewards = await openRewards(config.rewards, objective.maxCompletionLength);
  return await GrpoTrainer.create({ policy, task, rewards }, grpoSettings(config, task.length));
}

/**
 * Supervised fine-tuning.
 * @throws {DataError} for data that cannot be used
 */
export async function openSft(
  config: SftRunConfig,
  policy: Policy,
  onWarning: (text: string) => void,
): Promise<SftTrainer> {
  const { data, maxLength } = config;
  const { tokenizer, model } = policy.model;
  if (maxLength > model.config.contextTokens) {
    throw new RangeError(
      `max_length is ${maxLength}, more than the model's context: set it to at most ${model.config.contextTokens}`,
    );
  }
  const { sequences, warnings } = await readTrainingRows(data.file, tokenizer, {
    ...data,
    ...config,
  });
  warnings.forEach((text) => onWarning(text));
  return new SftTrainer(policy, {
    ...config,
    ...common(config),
    maxSteps: config.maxSteps ?? 0,
  }, sequences);
}

/** The settings of a run over a task of so many rows. */
export function grpoSettings(config: GrpoRunConfig, taskRows: number): GrpoSettings {
  const { syncRefModel, refModelSyncSteps, maxSteps, numTrainEpochs } = config;
  const settings = {
    ...config,
    ...common(config),
    refModelSyncSteps: syncRefModel ? refModelSyncSteps : 0,
  };
  const total = maxSteps ??
    stepsOfEpochs(settings as unknown as GrpoSettings, taskRows, numTrainEpochs);
  return {
    ...settings,
    maxSteps: total,
    schedule: { ...settings.schedule, totalSteps: total },
  };
}

function stepsOfEpochs(settings: GrpoSettings, rows: number, epochs: number): number {
  const { prompts, steps } = roundSizes(settings);
  if (Number.isFinite(rows)) return Math.max(1, Math.ceil(rows * epochs / prompts)) * steps;
  throw new RangeError("max_steps is missing: the task has no end that epochs could be counted by");
}

/** What all trainings are told of their optimizer and passes. */
function common(config: CommonRunConfig) {
  const optimizer: AdamWOptions = {
    beta1: config.adamBeta1,
    beta2: config.adamBeta2,
    epsilon: config.adamEpsilon,
    weightDecay: config.weightDecay,
    decaysVectors: false,
    maxGradientNorm: config.maxGradNorm ?? 0,
  };
  const schedule = {
    type: config.lrSchedulerType,
    learningRate: config.learningRate,
    warmupSteps: config.warmupSteps,
  };
  return { optimizer, schedule };
}

async function openRewards(
  configs: readonly RewardConfig[],
  maxCompletionLength: number,
): Promise<Reward[]> {
  return await Promise.all(configs.map(async (config) => {
    const { name, module, weight, timeoutMs, options } = config;
    const own = module === null ? TASK_REWARDS.get(name) : undefined;
    // What is left out is the reward's own.
    const given = { ...(weight !== null && { weight }), ...(timeoutMs !== null && { timeoutMs }) };
    if (own) return { ...own, ...given };
    const named: RewardChoice = { ...options, name: module ?? name, ...given };
    const metric = module === null || options.metric !== undefined ? {} : { metric: name };
    const setting = {
      maxCompletionLength,
      loadRewardModel: (file: string) => loadRewardModel(file),
    };
    const [reward] = await readRewards([{ ...named, ...metric }], setting);
    return reward;
  }));
}

function withSystemPrompt(task: Task, systemPrompt: string | null): Task {
  if (systemPrompt === null) return task;
  return {
    ...task,
    row(index) {
      const row = task.row(index);
      if (typeof row.prompt === "string") {
        throw new TypeError(
          "system_prompt needs prompts that are conversations, the task has texts",
        );
      }
      return { ...row, prompt: [{ role: "system", content: systemPrompt }, ...row.prompt] };
    },
  };
}
