/** What a run tells of each of its steps: numbers and samples. Types only. */

/** A completion as people look at it. */
export interface Sample {
  readonly prompt: string;
  readonly completion: string;
  /** The weighted sum; null where nothing could judge it. */
  readonly reward: number | null;
  /** By reward function. */
  readonly rewards: Readonly<Record<string, number | null>>;
  readonly advantage?: number;
  /** Tokens of the completion. */
  readonly tokens: number;
  /** Whether it ended by itself. */
  readonly isFinished: boolean;
}

/** One step of training; a line of `metrics.jsonl` is its step and metrics. */
export interface StepRecord {
  /** From 1. */
  readonly step: number;
  /** Steps of the whole run. */
  readonly totalSteps: number;
  /** Under TRL's names: `reward`, `completions/mean_length`, `kl`, `grad_norm`, ... */
  readonly metrics: Readonly<Record<string, number>>;
  /** Some of its completions; `samples.jsonl` has them with their step. */
  readonly samples: readonly Sample[];
}

/** Names of the files in a run's folder. */
export const RUN_FILES = {
  /** The whole configuration, with defaults, seed, version and numerics id. */
  config: "config.json",
  metrics: "metrics.jsonl",
  samples: "samples.jsonl",
  /** What guards and others had to say, with the step. */
  warnings: "warnings.jsonl",
  /** What `--resume` goes on from. */
  checkpoint: "checkpoint.safetensors",
  /** The trained model, or the adapters. */
  model: "model.gguf",
  adapter: "adapter.gguf",
  report: "report.html",
} as const;
