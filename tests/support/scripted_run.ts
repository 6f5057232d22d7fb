/** A trainer that learns nothing and tells of steps as a real one does: for tests of what stands around training. */
import type { Sample, StepRecord } from "../../packages/grpo/src/run/step_record.ts";
import type { Trainer } from "../../packages/grpo/src/run/trainer.ts";
import { seededRandom } from "./seeded_random.ts";

/** What is scripted. */
export interface ScriptedRun {
  readonly totalSteps: number;
  /** Called before each step; may abort the run's signal or throw. */
  readonly beforeStep?: (step: number) => void | Promise<void>;
  /** Step that the checkpoint of a resumed run has. */
  readonly checkpointStep?: number;
  /** Number of steps after which all rewards are good. */
  readonly pace?: number;
}

/** The trainer. */
export function scriptedTrainer(
  { totalSteps, beforeStep, checkpointStep = 0, pace = totalSteps / 2 }: ScriptedRun,
): Trainer {
  return async (config, hooks) => {
    let step = hooks.isResumed ? checkpointStep : 0;
    if (hooks.isDryRun) {
      hooks.onStep({ ...scriptedStep(0, totalSteps, pace), step: 0 });
    } else hooks.onStart?.({ step, totalSteps, about: { version: "test" } });
    let metrics = {};
    while (step < totalSteps && !hooks.signal.aborted && !hooks.isDryRun) {
      await beforeStep?.(step + 1);
      const record = scriptedStep(++step, totalSteps, pace);
      metrics = record.metrics;
      hooks.onStep(record);
      if (step === 2) hooks.onWarning("90 % of the completions were cut off");
    }
    const outputDir = config.outputDir ?? "";
    const isFinished = step === totalSteps;
    return { outputDir, step, totalSteps, isFinished, seconds: 1, metrics, files: {} };
  };
}

/** The record of a step; the same each time. */
export function scriptedStep(step: number, totalSteps: number, pace = totalSteps / 2): StepRecord {
  const next = seededRandom(step * 7 + 1);
  const noise = (size: number) => (next(10_000) / 10_000 - 0.5) * size;
  const progress = 1 / (1 + Math.exp(-(step - pace) / (pace / 5)));
  const accuracy = Math.min(1, Math.max(0, progress + noise(0.15)));
  const format = Math.min(1, Math.max(0, Math.sqrt(progress) + noise(0.1)));
  return {
    step,
    totalSteps,
    metrics: {
      reward: accuracy + format / 2,
      reward_std: 0.3 * (1 - progress) + 0.02,
      "rewards/accuracy/mean": accuracy,
      "rewards/accuracy/std": 0.1,
      "rewards/format/mean": format,
      "rewards/format/std": 0.1,
      "completions/mean_length": 40 + 160 * progress + noise(20),
      "completions/clipped_ratio": Math.max(0, 0.3 * (1 - progress) + noise(0.1)),
      kl: 0.02 * progress + Math.abs(noise(0.004)),
      entropy: 1.2 - 0.8 * progress + noise(0.05),
      "clip_ratio/region_mean": Math.abs(noise(0.02)),
      frac_reward_zero_std: 0.5 * progress + Math.abs(noise(0.1)),
      grad_norm: 0.4 + Math.abs(noise(0.2)),
      loss: noise(0.02),
      learning_rate: 1e-6 * (1 - step / totalSteps),
      step_time: 1.5,
      "sampling/sampling_logp_difference/max": 0,
      num_tokens: step * 4096,
    },
    samples: [scriptedSample(step, progress), scriptedSample(step + 1, progress / 2)],
  };
}

function scriptedSample(step: number, progress: number): Sample {
  const steps = Array.from(
    { length: Math.round(2 + 6 * progress) },
    (_, i) => `step ${i} gives ${i * 7 + step}`,
  );
  const wait = progress > 0.4 ? " Wait, let me check again." : "";
  const isFinished = progress > 0.1;
  const end = isFinished ? `</think>\n<answer>${step * 3}</answer>` : "";
  return {
    prompt: `User: What is ${step} + ${step} + ${step}? <b>&amp;"'\nAssistant: <think>`,
    completion: `<think>${steps.join(", ")}.${wait}${end}`,
    reward: isFinished ? progress > 0.5 ? 1.5 : 0.5 : null,
    rewards: { accuracy: isFinished ? Math.round(progress) : null, format: isFinished ? 1 : 0 },
    advantage: progress - 0.5,
    tokens: Math.round(30 + 100 * progress),
    isFinished,
  };
}
