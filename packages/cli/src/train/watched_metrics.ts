/** The metrics that people watch while a run goes on, with short names and as text. Draws nothing. */
import { numberText } from "@aha/grpo";

/** A metric to watch. */
export interface WatchedMetric {
  /** TRL's name. */
  readonly name: string;
  /** At most 12 characters. */
  readonly label: string;
  readonly isShare?: boolean;
}

/** In order of their weight: the last go first where a terminal is low. */
export const WATCHED: readonly WatchedMetric[] = [
  { name: "reward", label: "reward" },
  { name: "loss", label: "loss" },
  { name: "mean_token_accuracy", label: "accuracy", isShare: true },
  { name: "completions/mean_length", label: "length" },
  { name: "kl", label: "KL" },
  { name: "entropy", label: "entropy" },
  { name: "clip_ratio/region_mean", label: "clipped", isShare: true },
  { name: "frac_reward_zero_std", label: "no variance", isShare: true },
  { name: "completions/clipped_ratio", label: "cut off", isShare: true },
];

/**
 * Those that a step has; the loss only where nothing is rewarded: of a policy gradient it tells nothing. A reward is watched
 * where it could not be judged, too.
 */
export function watchedOf(metrics: Readonly<Record<string, number>>): readonly WatchedMetric[] {
  const isRewarded = "reward" in metrics || "rewards/unjudged" in metrics;
  const unseen = isRewarded ? "loss" : "reward";
  return WATCHED.filter(({ name }) => name !== unseen && (name in metrics || name === "reward"));
}

/** Its value for people; one that is missing could not be judged. */
export function metricText({ isShare }: WatchedMetric, value: number | undefined): string {
  if (value === undefined) return "not judged";
  if (!isShare) return numberText(value);
  const percent = value * 100;
  return Number.isFinite(value) ? `${Number(percent.toPrecision(percent < 10 ? 2 : 3))} %` : "–";
}
