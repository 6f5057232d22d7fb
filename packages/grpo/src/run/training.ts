/** What every kind of training offers the loop of a run. Types only. */
import type { TrainingState } from "./checkpoint.ts";
import type { RunInputs } from "./run_inputs.ts";
import type { Sample, StepRecord } from "./step_record.ts";

/** A training under way: all that it will do follows from its state and these counts. */
export interface Training {
  /** Steps of the optimizer taken; set when a run goes on from a checkpoint. */
  steps: number;
  /** Tokens seen; set likewise. */
  tokens: number;
  readonly totalSteps: number;
  readonly state: TrainingState;
  /**
   * The next steps, as many as belong together: nothing can be saved between them.
   * @throws {FaultyBatchError} where what was computed is not finite
   * @throws the signal's reason where that came before the first of them was taken; only places of gradients have changed
   */
  next(signal?: AbortSignal): Promise<TrainingSteps>;
  /**
   * Takes the memory of the largest step there can be, where that is not known from the first one on.
   * @throws {MemoryError} where there is not so much
   */
  reserve?(signal?: AbortSignal): Promise<void>;
  /** Hashes of the data that it learns from; none where they follow from the configuration. */
  inputs?(): RunInputs;
  free(): void;
}

/** Steps that were taken together. */
export interface TrainingSteps {
  readonly records: readonly StepRecord[];
  /** What went wrong without ending them: reward functions that failed, for example. */
  readonly warnings?: readonly string[];
}

/** A step in which numbers were not finite, with what it was taken on. */
export class FaultyBatchError extends Error {
  override readonly name: string = "FaultyBatchError";
  constructor(
    message: string,
    readonly step: number,
    readonly samples: readonly Sample[],
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
