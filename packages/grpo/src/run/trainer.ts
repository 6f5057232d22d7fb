/** What a trainer is to who starts it: configuration and hooks in, a summary out. Types only. */
import type { RunConfig } from "./run_config.ts";
import type { StepRecord } from "./step_record.ts";

/** Where a run begins. */
export interface RunStart {
  /** Steps that are done already: 0, or those of the checkpoint. */
  readonly step: number;
  readonly totalSteps: number;
  /** Of a recipe. */
  readonly stage?: string;
  /** What `config.json` tells besides: version, numerics id, ... */
  readonly about?: Readonly<Record<string, unknown>>;
}

/** What a trainer tells while it runs, and is told. */
export interface TrainHooks {
  /** Before the first step, when everything is loaded. */
  readonly onStart?: (start: RunStart) => void;
  /** After each step, before its checkpoint is saved. A dry run has one record, of step 0. */
  readonly onStep: (record: StepRecord) => void;
  /** One line, for people. */
  readonly onWarning: (text: string) => void;
  /** One line, for people, of what is as it should be. */
  readonly onMessage?: (text: string) => void;
  /** Aborted: the step under way is dropped, a checkpoint as of the last whole one is saved, and the run ends. */
  readonly signal: AbortSignal;
  /** Whether to go on from the folder's checkpoint. */
  readonly isResumed?: boolean;
  /** Whether to sample and judge one round, and train nothing. */
  readonly isDryRun?: boolean;
}

/** How a run ended. */
export interface TrainSummary {
  readonly outputDir: string;
  /** Steps done in all. */
  readonly step: number;
  readonly totalSteps: number;
  /** False where the signal ended it. */
  readonly isFinished: boolean;
  /** Seconds of this call. */
  readonly seconds: number;
  /** Those of the last step. */
  readonly metrics: Readonly<Record<string, number>>;
  /** Paths by what they are: `model`, `adapter`, `checkpoint`, `report`. */
  readonly files: Readonly<Record<string, string>>;
}

/** Trains; writes checkpoints and the model into the configuration's `outputDir`. */
export type Trainer = (config: RunConfig, hooks: TrainHooks) => Promise<TrainSummary>;
