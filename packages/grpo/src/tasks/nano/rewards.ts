/** The nano tasks' verifier as rewards of a run: format, accuracy, language consistency. Judges by text alone. */
import type { Reward, RewardBatch } from "../../rewards/reward.ts";
import { judgeNano, type NanoVerdict } from "./judge.ts";

/** 1 for a completion in the form that is asked for (R1's format reward, 2501.12948, section 2.2.2). */
export const nanoFormatReward: Reward = reward("format", ({ hasFormat }) => Number(hasFormat));

/** 1 for a right answer in answer tags (R1's accuracy reward, section 2.2.2). */
export const nanoAccuracyReward: Reward = reward("accuracy", ({ isRight }) => Number(isRight));

/** Share of the thought's digits in the language that is asked for (R1, section 2.3.2). */
export const nanoLanguageReward: Reward = reward(
  "language_consistency",
  (verdict) => verdict.languageShare,
);

/** A reward of each completion's verdict; null where the prompt is none of the nano tasks. */
function reward(name: string, value: (verdict: NanoVerdict) => number): Reward {
  return {
    name,
    score: ({ prompts, completions, isFinished }: RewardBatch) =>
      completions.map((completion, at) => {
        const prompt = prompts[at];
        const asked = typeof prompt === "string" ? prompt : prompt.at(-1)?.content;
        const verdict = typeof asked === "string"
          ? judgeNano(asked, completion, isFinished[at])
          : null;
        return verdict && value(verdict);
      }),
  };
}
