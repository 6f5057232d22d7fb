/** A reward by a model that gives each answer one number. Trains and loads no model. */
import type { ChatMessage } from "@aha/runtime";
import { answerPart } from "../columns.ts";
import type { RewardFunction, RewardTools } from "../reward.ts";

/** A scalar reward model that has been loaded. */
export interface ScalarRewardModel {
  /** A score for each answer `[B]`, higher is better. */
  score(
    prompts: readonly (string | readonly ChatMessage[])[],
    answers: readonly string[],
    tools: RewardTools,
  ): readonly number[] | Promise<readonly number[]>;
}

/** Options of the reward. */
export interface RewardModelOptions {
  /**
   * `"answer"` (default): what stands behind the last `</think>`, all without that tag; `"whole"`: reasoning too. R1 judges helpfulness by the
   * answer and harmlessness by the whole (2501.12948, section 2.3.4).
   */
  readonly part?: "answer" | "whole";
}

/** The model's score of each completion. */
export function rewardModelReward(
  model: ScalarRewardModel,
  { part = "answer" }: RewardModelOptions = {},
): RewardFunction {
  return ({ prompts, completions }, tools) => {
    const answers = part === "whole"
      ? completions
      : completions.map((completion) => answerPart(completion) ?? completion);
    return model.score(prompts, answers, tools);
  };
}
