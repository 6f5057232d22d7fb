/** What TRL logs of a round of sampling, under TRL's names. No part of the algorithm. */
import type { Reward } from "../advantage.ts";

/** A round as metrics see it. */
export interface RoundFacts {
  readonly groupSize: number;
  /** Tokens of each completion `[B]`. */
  readonly lengths: readonly number[];
  readonly isFinished: readonly boolean[];
  readonly rewards: readonly Reward[];
  /** By reward function. */
  readonly byFunction: Readonly<Record<string, readonly Reward[]>>;
}

/** Means, extremes and shares; those over nothing are left out. */
export function roundMetrics(
  { groupSize, lengths, isFinished, rewards, byFunction }: RoundFacts,
): Record<string, number> {
  const terminated = lengths.filter((_, i) => isFinished[i]);
  const groups = Array.from(
    { length: rewards.length / groupSize },
    (_, g) => present(rewards.slice(g * groupSize, (g + 1) * groupSize)),
  );
  const spreads = groups.map(deviation);
  const all: Record<string, number> = {
    ...extremes("completions", "length", lengths),
    ...extremes("completions", "terminated_length", terminated),
    "completions/clipped_ratio": 1 - terminated.length / lengths.length,
    reward: mean(groups.filter((group) => group.length > 0).map(mean)),
    reward_std: mean(spreads),
    reward_min: Math.min(...present(rewards)),
    reward_max: Math.max(...present(rewards)),
    "rewards/unjudged": 1 - present(rewards).length / rewards.length,
    frac_reward_zero_std: mean(spreads.map((spread) => spread === 0 ? 1 : 0)),
  };
  for (const [name, values] of Object.entries(byFunction)) {
    all[`rewards/${name}/mean`] = mean(present(values));
    all[`rewards/${name}/std`] = deviation(present(values));
  }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => Number.isFinite(value)));
}

function extremes(group: string, what: string, values: readonly number[]): Record<string, number> {
  return {
    [`${group}/mean_${what}`]: mean(values),
    [`${group}/min_${what}`]: Math.min(...values),
    [`${group}/max_${what}`]: Math.max(...values),
  };
}

function present(values: readonly Reward[]): number[] {
  return values.filter((value) => value !== null);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The sample's standard deviation, 0 for fewer than two values. */
function deviation(values: readonly number[]): number {
  if (values.length < 2) return 0;
  const center = mean(values);
  const squares = values.reduce((sum, value) => sum + (value - center) ** 2, 0);
  return Math.sqrt(squares / (values.length - 1));
}
