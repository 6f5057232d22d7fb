/** Rewards to advantages: how much better a completion is than the others of its group. Calls no reward function. */

/** What an advantage is divided by: the spread of its group, of all rewards, or nothing. */
export type AdvantageScale = "group" | "batch" | "none";

/** A completion's reward, `null` where it could not be judged. */
export type Reward = number | null;

/** How rewards become advantages. */
export interface AdvantageOptions {
  /** Completions of a prompt, G >= 2; they are consecutive rows. */
  readonly groupSize: number;
  /**
   * `"group"` (default): DeepSeekMath 2402.03300, section 4.1.2. `"batch"`: 2508.08221. `"none"`: Dr.
   * GRPO 2503.20783, section 3.2.
   */
  readonly scale?: AdvantageScale;
  /** Added to the standard deviation, by default 1e-4 (TRL's; no paper gives it). */
  readonly epsilon?: number;
  /** What is taken off the count under the standard deviation, by default 1 (TRL and verl; no paper gives it). */
  readonly ddof?: 0 | 1;
  /** Weight of each reward function, for rows of several rewards, by default 1 each. */
  readonly weights?: readonly number[];
}

/**
 * The advantage of each row `[B]`: reward minus the mean of its group, divided as `scale` says.
 *
 * A row is a reward, or one reward for each of several functions, which are weighted and summed
 * first, `null` ones left out. A row without any reward counts neither for mean nor spread and has
 * advantage 0, as in TRL; so has a group of equal rewards, exactly.
 *
 * Throws a RangeError for groups of one, for rows that do not fill groups, for rewards that are not
 * finite and for options out of range; a TypeError for a reward that is no number.
 *
 * @example
 * ```ts
 * import { groupAdvantages } from "@aha/grpo";
 *
 * // Two prompts with four completions each; one could not be judged.
 * const rewards = [1, 0, 0, 1, 0.5, 0.5, null, 0.5];
 * const advantages = groupAdvantages(rewards, { groupSize: 4 });
 * console.log(advantages); // about 0.866, -0.866, -0.866, 0.866, then zeros
 * ```
 */
export function groupAdvantages(
  rewards: readonly Reward[] | readonly (readonly Reward[])[],
  options: AdvantageOptions,
): number[] {
  const { groupSize, scale = "group", epsilon = 1e-4, ddof = 1, weights } = options;
  checkOptions({ groupSize, scale, epsilon, ddof });
  if (rewards.length % groupSize !== 0) {
    throw new RangeError(`${rewards.length} rewards do not fill groups of ${groupSize}`);
  }
  const totals = rewards.map((row, index) => totalReward(row, weights, index));
  const batchSpread = scale === "batch" ? spread(totals, ddof) : 0;
  const advantages: number[] = [];
  for (let start = 0; start < totals.length; start += groupSize) {
    const group = totals.slice(start, start + groupSize);
    const center = mean(group);
    const groupSpread = scale === "group" ? spread(group, ddof) : batchSpread;
    const divisor = scale === "none" ? 1 : groupSpread + epsilon;
    for (const reward of group) {
      const difference = reward === null ? 0 : reward - center;
      advantages.push(difference === 0 ? 0 : difference / divisor);
    }
  }
  return advantages;
}

function checkOptions(options: Required<Omit<AdvantageOptions, "weights">>): void {
  const { groupSize, scale, epsilon, ddof } = options;
  if (!Number.isSafeInteger(groupSize) || groupSize < 2) {
    throw new RangeError(
      `groupSize is ${groupSize}, it must be a whole number of at least 2: ` +
        "a completion is judged by the others of its group",
    );
  }
  if (!["group", "batch", "none"].includes(scale)) {
    throw new RangeError(`scale is ${JSON.stringify(scale)}, it must be group, batch or none`);
  }
  if (!(epsilon >= 0 && epsilon < Infinity)) {
    throw new RangeError(`epsilon is ${epsilon}, it must be a number of at least 0`);
  }
  if (ddof !== 0 && ddof !== 1) throw new RangeError(`ddof is ${ddof}, it must be 0 or 1`);
}

/** Weighted sum of a row's rewards, `null` where there is none. */
function totalReward(
  row: Reward | readonly Reward[],
  weights: readonly number[] | undefined,
  index: number,
): Reward {
  const values: readonly Reward[] = typeof row === "object" && row !== null ? row : [row];
  if (weights && weights.length !== values.length) {
    throw new RangeError(
      `row ${index} has ${values.length} rewards, but there are ${weights.length} weights`,
    );
  }
  let total: Reward = null;
  values.forEach((value, at) => {
    if (value === null) return;
    if (typeof value !== "number") {
      throw new TypeError(`reward of row ${index} is ${String(value)}, not a number or null`);
    }
    const weighted = value * (weights?.[at] ?? 1);
    if (!Number.isFinite(weighted)) {
      throw new RangeError(`reward of row ${index} is ${weighted}, it must be finite`);
    }
    total = (total ?? 0) + weighted;
  });
  return total;
}

function known(rewards: readonly Reward[]): number[] {
  return rewards.filter((reward): reward is number => reward !== null);
}

/** Differences from the first reward are averaged, so that equal rewards have exactly their value as mean. */
function mean(rewards: readonly Reward[]): number {
  const [first = 0, ...others] = known(rewards);
  const excess = others.reduce((sum, reward) => sum + (reward - first), 0);
  return first + excess / (others.length + 1);
}

/** Standard deviation; 0 where too few rewards are known for one. */
function spread(rewards: readonly Reward[], ddof: number): number {
  const values = known(rewards);
  if (values.length <= ddof) return 0;
  const center = mean(rewards);
  const squares = values.reduce((sum, reward) => sum + (reward - center) ** 2, 0);
  return Math.sqrt(squares / (values.length - ddof));
}
