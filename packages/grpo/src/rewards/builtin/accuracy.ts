/** Rewards for the right answer. What equals what is decided in `answer/`. */
import type { AnswerPlaces } from "../answer/extract_answer.ts";
import { verifyAnswer } from "../answer/verify_answer.ts";
import { answerPart, goldOf } from "../columns.ts";
import type { RewardFunction } from "../reward.ts";
import { type RewardRow, scoreRows } from "../row_errors.ts";

/** Options of both rewards. */
export interface AccuracyOptions {
  /** Column with the gold answer. Default `solution`, else `answer`. */
  readonly column?: string;
  /** Where answers may stand, see `VerifyOptions`. Default `"any"`. */
  readonly places?: AnswerPlaces;
}

/**
 * 1 for the right answer, 0 for another or none, null where the gold answer cannot be read (TRL's and open-r1's
 * `accuracy_reward`). Text behind the last `</think>` is judged, all of it without that tag.
 */
export function accuracyReward(options: AccuracyOptions = {}): RewardFunction {
  return judged(options, ({ completion }) => answerPart(completion) ?? completion);
}

/** As `accuracyReward`, but reasoning that does not end gives 0 (TRL's `reasoning_accuracy_reward`). */
export function reasoningAccuracyReward(
  { delimiters = ["</think>"], ...options }: AccuracyOptions & {
    /** End tags of reasoning; the first that occurs counts. */
    readonly delimiters?: readonly string[];
  } = {},
): RewardFunction {
  return judged(options, ({ completion }) => {
    const tag = delimiters.find((delimiter) => completion.includes(delimiter));
    return tag && answerPart(completion, tag);
  });
}

function judged(
  { column, places }: AccuracyOptions,
  answer: (row: RewardRow) => string | undefined,
): RewardFunction {
  return scoreRows((row) => {
    const text = answer(row);
    const isRight = verifyAnswer(goldOf(row, column), text ?? "", { places });
    if (text === undefined) return 0;
    return isRight === null ? null : Number(isRight);
  });
}
