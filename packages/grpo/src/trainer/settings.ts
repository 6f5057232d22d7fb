/** What a GRPO run is told besides its objective. Types and their sizes only: `run` reads files of them. */
import type { AdvantageScale } from "../advantage.ts";
import type { ResolvedGrpoConfig } from "../config.ts";
import type { AdamWOptions } from "../optim/adamw.ts";
import type { Schedule } from "../optim/schedule.ts";

/** The values of a run that the algorithm sees; TRL's names. */
export interface GrpoSettings {
  readonly objective: ResolvedGrpoConfig;
  /** G, at least 2. */
  readonly numGenerations: number;
  /** Completions of a batch, of which the loss is formed. */
  readonly perDeviceTrainBatchSize: number;
  /** Times that a round's completions are trained on (mu of DeepSeekMath 2402.03300, Algorithm 1). */
  readonly numIterations: number;
  readonly scaleRewards: AdvantageScale;
  /** Whether completions that did not end count as nothing (DAPO 2503.14476, section 3.4). */
  readonly maskTruncatedCompletions: boolean;
  readonly optimizer: AdamWOptions;
  readonly schedule: Schedule;
  /** Steps of the optimizer in all. */
  readonly maxSteps: number;
  /** The reference model takes over the policy after so many steps (R1: 400); 0: never. */
  readonly refModelSyncSteps: number;
  readonly seed: number;
  /** Whether prompts come in a new order each epoch; else in the task's. */
  readonly shuffleDataset: boolean;
  /** See `PassOptions`. */
  readonly microBatchTokens?: number;
  /** Whether blocks of the model are run again on the way back instead of kept. */
  readonly gradientCheckpointing?: boolean;
}

/** What says how a round is cut. */
export type RoundSettings =
  & Pick<GrpoSettings, "numGenerations" | "perDeviceTrainBatchSize" | "numIterations">
  & {
    readonly objective: Pick<
      ResolvedGrpoConfig,
      "stepsPerGeneration" | "gradientAccumulationSteps"
    >;
  };

/** How a round is cut. */
export interface RoundSizes {
  /** P */
  readonly prompts: number;
  /** P * G */
  readonly completions: number;
  /** Steps of the optimizer. */
  readonly steps: number;
}

/**
 * Sizes of a round of sampling: `perDeviceTrainBatchSize * stepsPerGeneration` completions, used `numIterations` times, a
 * step of the optimizer for each `gradientAccumulationSteps` batches, as in TRL.
 * @throws {RangeError} where they do not go into each other
 */
export function roundSizes(settings: RoundSettings): RoundSizes {
  const { objective, numGenerations, perDeviceTrainBatchSize, numIterations } = settings;
  const { stepsPerGeneration, gradientAccumulationSteps } = objective;
  const completions = perDeviceTrainBatchSize * stepsPerGeneration;
  if (!(Number.isInteger(numGenerations) && numGenerations >= 2)) {
    throw new RangeError(
      `num_generations is ${numGenerations}, it must be a whole number of at least 2: an advantage compares completions of one prompt`,
    );
  }
  if (completions % numGenerations !== 0) {
    throw new RangeError(
      `num_generations is ${numGenerations}, it must divide the ${completions} completions of a round (per_device_train_batch_size ${perDeviceTrainBatchSize} x steps_per_generation ${stepsPerGeneration})`,
    );
  }
  if (stepsPerGeneration % gradientAccumulationSteps !== 0) {
    throw new RangeError(
      `steps_per_generation is ${stepsPerGeneration}, it must be a multiple of gradient_accumulation_steps (${gradientAccumulationSteps}): a round makes whole steps`,
    );
  }
  const steps = numIterations * stepsPerGeneration / gradientAccumulationSteps;
  return { prompts: completions / numGenerations, completions, steps };
}
