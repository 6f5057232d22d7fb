/** What a run has left to be looked at. Types only. */
import type { Sample } from "../run/step_record.ts";

/** What a run has left. */
export interface RunData {
  /** The folder's last name. */
  readonly name: string;
  /** As in `config.json`. */
  readonly config: Readonly<Record<string, unknown>>;
  /** A step's numbers; NaN where one was not finite. */
  readonly metrics: readonly StepNumbers[];
  readonly samples: readonly StepSample[];
  readonly warnings: readonly StepWarning[];
}

/** The numbers of a step. */
export interface StepNumbers {
  readonly step: number;
  readonly values: Readonly<Record<string, number>>;
}

/** A sample with its step. */
export interface StepSample extends Sample {
  readonly step: number;
}

/** A warning with the step after which it came. */
export interface StepWarning {
  readonly step: number;
  readonly text: string;
}
