/** Rewards for the form of a completion: thinking in its tags, an answer in its own. Look at no contents. */
import type { RewardFunction } from "../reward.ts";
import { scoreRows } from "../row_errors.ts";

/** Whole text: one `<think>` at its start, closed somewhere (TRL's `think_format_reward`). */
const THINK = /^<think>(?!.*<think>).*?<\/think>/s;
/** open-r1's `format_reward`: tags on lines of their own. What follows on later lines is not looked at, as there. */
const THINK_ANSWER = /^<think>\n.*?\n<\/think>\n<answer>\n.*?\n<\/answer>(?=\n|$)/s;

/** Text that stands once in a well-formed completion; each is worth a quarter (open-r1's `tag_count_reward`). */
const TAGS = ["<think>\n", "\n</think>\n", "\n<answer>\n", "\n</answer>"];

/** 1 if the completion begins with `<think>`, has no second one and closes it; else 0. */
export function thinkFormatReward(): RewardFunction {
  return scoreRows(({ completion }) => Number(THINK.test(completion)));
}

/** 1 for `<think>`, reasoning, `</think>`, `<answer>`, answer, `</answer>`, each tag on its own line; else 0. */
export function formatReward(): RewardFunction {
  return scoreRows(({ completion }) => Number(THINK_ANSWER.test(completion)));
}

/** A quarter for each of the four tags of `formatReward` that stands exactly once, with its line breaks. */
export function tagCountReward(): RewardFunction {
  return scoreRows(({ completion }) =>
    TAGS.filter((tag) => completion.split(tag).length === 2).length / TAGS.length
  );
}
