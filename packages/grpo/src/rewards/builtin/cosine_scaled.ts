/** The right answer's reward, scaled by length: short right answers and long wrong ones fare best. Defines no equivalence of its own. */
import type { RewardFunction } from "../reward.ts";
import { type AccuracyOptions, accuracyReward } from "./accuracy.ts";

/** Options of the reward, by default TRL's. */
export interface CosineScaledOptions extends AccuracyOptions {
  /** Tokens at which the scale ends. */
  readonly maxLen: number;
  /** Of a wrong answer without any token. Default -1. */
  readonly minValueWrong?: number;
  /** Of a wrong answer of `maxLen` tokens. Default -0.5. */
  readonly maxValueWrong?: number;
  /** Of a right answer of `maxLen` tokens. Default 0.5. */
  readonly minValueCorrect?: number;
  /** Of a right answer without any token. Default 1. */
  readonly maxValueCorrect?: number;
}

/**
 * `low + (high - low) / 2 * (1 + cos(pi * min(1, tokens / maxLen)))` with `low` at the long end (2502.03373, appendix C.1;
 * TRL's `cosine_scaled_reward`). Longer completions stay at the end of the scale; null where the gold answer cannot be read.
 */
export function cosineScaledReward(options: CosineScaledOptions): RewardFunction {
  const { maxLen, minValueWrong = -1, maxValueWrong = -0.5 } = options;
  const { minValueCorrect = 0.5, maxValueCorrect = 1 } = options;
  const accuracy = accuracyReward(options);
  return async (batch, tools) => {
    const right = await accuracy(batch, tools);
    return right.map((isRight, row) => {
      if (isRight === null) return null;
      const [short, long] = isRight === 1
        ? [maxValueCorrect, minValueCorrect]
        : [minValueWrong, maxValueWrong];
      const progress = Math.min(1, batch.completionIds[row].length / maxLen);
      return long + ((short - long) / 2) * (1 + Math.cos(Math.PI * progress));
    });
  };
}
