/** Learning rates by step. Keeps no state. */

/** How the rate goes on after the warm-up: `lr_scheduler_type` of transformers. */
export type ScheduleType = "constant" | "linear" | "cosine";

/** A schedule. */
export interface Schedule {
  /** `linear` falls to the end, `cosine` along half a wave (Loshchilov & Hutter 1608.03983). */
  readonly type: ScheduleType;
  readonly learningRate: number;
  /** Steps over which the rate rises from 0. Default 0. */
  readonly warmupSteps?: number;
  /** Steps of the whole training; `constant` needs none. */
  readonly totalSteps?: number;
  /** What is left of the rate at the end, as a share of it from 0 to 1. Default 0; `constant` keeps all. */
  readonly finalRate?: number;
}

/**
 * The rate of a step, counted from 1. Step s has the rate that transformers' schedules give for s - 1, but for the warm-up:
 * its first step has 1 / warmupSteps of the rate, not 0, so that no step is lost.
 * @throws {RangeError} for rates and counts that cannot be
 */
export function learningRateAt(schedule: Schedule, step: number): number {
  const { type, learningRate, warmupSteps = 0, totalSteps = Infinity, finalRate = 0 } = schedule;
  checkSchedule(schedule, step);
  if (step <= warmupSteps) return learningRate * step / warmupSteps;
  if (type === "constant") return learningRate;
  const done = Math.min(1, (step - 1 - warmupSteps) / Math.max(1, totalSteps - warmupSteps));
  const left = type === "linear" ? 1 - done : (1 + Math.cos(Math.PI * done)) / 2;
  return learningRate * (finalRate + (1 - finalRate) * left);
}

function checkSchedule(schedule: Schedule, step: number): void {
  const { type, learningRate, warmupSteps = 0, totalSteps, finalRate = 0 } = schedule;
  if (!(learningRate >= 0 && Number.isFinite(learningRate))) {
    throw new RangeError(`learningRate is ${learningRate}, it must be a number of at least 0`);
  }
  for (
    const [name, value, least] of [
      ["step", step, 1],
      ["warmupSteps", warmupSteps, 0],
      ["totalSteps", totalSteps ?? 1, 1],
    ] as const
  ) {
    if (Number.isInteger(value) && value >= least) continue;
    throw new RangeError(`${name} is ${value}, it must be a whole number of at least ${least}`);
  }
  if (!(finalRate >= 0 && finalRate <= 1)) {
    throw new RangeError(`finalRate is ${finalRate}, it must be a share from 0 to 1`);
  }
  if (!["constant", "linear", "cosine"].includes(type)) {
    throw new RangeError(`type is ${type}, known are constant, linear and cosine`);
  }
  if (type !== "constant" && totalSteps === undefined) {
    throw new RangeError(`totalSteps is missing: a ${type} schedule ends there`);
  }
}
