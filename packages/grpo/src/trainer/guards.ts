/** Looks at a run's steps for what wastes hours in silence: warns, then stops and says what to change. Changes nothing. */
import type { StepRecord } from "../run/step_record.ts";

/** Limits of the guards; each can be turned off by `Infinity` (shares: above 1). */
export interface GuardLimits {
  /** Share of completions that reach max_completion_length. Default 0.5. */
  readonly clippedRatio: number;
  /**
   * Share of groups in which all completions have the same reward, while the mean reward is nearer to the lowest that the
   * run has seen than to the highest: a task that is solved has equal rewards too. Default 0.9.
   */
  readonly zeroVariance: number;
  /** Share of completions that no reward function could judge. Default 0.5. */
  readonly unjudged: number;
  /** Divergence from the reference, nats a token. Default 1: healthy runs end at 0.06 to 0.3. */
  readonly kl: number;
  /** Steps in a row after which a warning is given. Default 5. */
  readonly warnAfter: number;
  /** Steps in a row after which the run stops. Default 50. */
  readonly stopAfter: number;
}

export const DEFAULT_LIMITS: GuardLimits = {
  clippedRatio: 0.5,
  zeroVariance: 0.9,
  unjudged: 0.5,
  kl: 1,
  warnAfter: 5,
  stopAfter: 50,
};

/** A run that a guard has ended: nothing would have come of it. It is saved before this is thrown on. */
export class GuardError extends Error {
  override readonly name: string = "GuardError";
  constructor(message: string, readonly guard: string, readonly step: number) {
    super(message);
  }
}

/** The lowest and the highest reward of a completion so far. */
interface RewardRange {
  readonly lowest: number;
  readonly highest: number;
}

interface Guard {
  readonly name: string;
  /** What is wrong with a step, if anything. */
  readonly sees: (
    metrics: StepRecord["metrics"],
    limits: GuardLimits,
    seen: RewardRange,
  ) => string | undefined;
  readonly advice: string;
}

const percent = (share: number) => `${Math.round(100 * share)} %`;

const GUARDS: readonly Guard[] = [
  {
    name: "truncated completions",
    sees: ({ "completions/clipped_ratio": share = 0 }, { clippedRatio }) =>
      share > clippedRatio
        ? `${percent(share)} of the completions reach max_completion_length`
        : undefined,
    advice: "raise max_completion_length, or check that the model ends its answers",
  },
  {
    name: "groups without variance",
    sees: ({ frac_reward_zero_std: share = 0, reward = 0 }, { zeroVariance }, range) =>
      share > zeroVariance && reward <= (range.lowest + range.highest) / 2
        ? `${percent(share)} of the groups have equal rewards: nothing is learned from them`
        : undefined,
    advice:
      "easier tasks, a larger num_generations, a higher temperature, or a reward with more levels",
  },
  {
    name: "reward functions failing",
    sees: ({ "rewards/unjudged": share = 0 }, { unjudged }) =>
      share > unjudged ? `${percent(share)} of the completions could not be judged` : undefined,
    advice: "look at the reward functions' messages above, and try --dry-run",
  },
  {
    name: "divergence",
    sees: ({ kl = 0 }, limits) =>
      kl > limits.kl ? `the policy is ${kl.toFixed(2)} nats a token from the reference` : undefined,
    advice: "lower learning_rate, or raise beta",
  },
];

/** Counts, step by step, how long each guard has been seeing its fault. */
export class Guards {
  readonly #seen = new Map<string, number>();
  #range: RewardRange = { lowest: Infinity, highest: -Infinity };

  constructor(
    private readonly limits: GuardLimits,
    private readonly onWarning: (text: string) => void,
  ) {}

  /** @throws {GuardError} when a guard has seen its fault for `stopAfter` steps in a row */
  look({ step, metrics }: StepRecord): void {
    const { warnAfter, stopAfter } = this.limits;
    this.#range = {
      lowest: Math.min(this.#range.lowest, metrics.reward_min ?? Infinity),
      highest: Math.max(this.#range.highest, metrics.reward_max ?? -Infinity),
    };
    for (const { name, sees, advice } of GUARDS) {
      const fault = sees(metrics, this.limits, this.#range);
      const count = fault === undefined ? 0 : (this.#seen.get(name) ?? 0) + 1;
      this.#seen.set(name, count);
      if (fault === undefined) continue;
      if (count >= stopAfter) {
        throw new GuardError(
          `Stopped and saved at step ${step}: ${fault}, for ${count} steps now; ${advice}, then --resume goes on from here (guards in the configuration change or turn this off)`,
          name,
          step,
        );
      }
      if (count === warnAfter) {
        this.onWarning(
          `step ${step}: ${fault}, for ${count} steps now; ${advice}. The run stops after ${stopAfter}`,
        );
      }
    }
  }
}
