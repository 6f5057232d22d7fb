/** A first task for any model: sums of digits, with prompts in plain words and exact answers. Trains nothing. */
import { CounterRandom } from "./counter_random.ts";
import { type Split, splitOf } from "./hash_split.ts";
import type { Task, TaskRow } from "./task.ts";

/** What is drawn. */
export interface DigitSumOptions {
  readonly seed: number;
  /** Digits of a number, equally often; the more, the harder. Default 2 to 6. */
  readonly levels?: readonly number[];
  /** `"train"` (default): numbers that are not held out. */
  readonly split?: Split;
  /** `"chat"` (default): a message of the user, for the model's chat template. `"text"`: a text to be gone on with. */
  readonly form?: "chat" | "text";
}

/** A row of sums of digits. */
export interface DigitSumRow extends TaskRow {
  readonly task: "digit_sum";
  readonly level: number;
  /** The sum, `"18"`. */
  readonly answer: string;
}

/** Sums of digits by number. */
export interface DigitSumTask extends Task {
  row(index: number): DigitSumRow;
}

const STREAMS: Readonly<Record<Split, number>> = { train: 5, test: 6 };
const MAX_DRAWS = 10_000;
const MOST_DIGITS = 15;

/**
 * Endless questions for the sum of a number's digits; `judgeNumber` judges them.
 *
 * @throws {RangeError} for levels that are no whole numbers from 2 to 15
 *
 * @example
 * ```ts
 * import { digitSumTask } from "@aha/grpo/tasks";
 *
 * const { prompt, answer } = digitSumTask({ seed: 1, form: "text" }).row(0);
 * console.log(prompt, answer);
 * ```
 */
export function digitSumTask(options: DigitSumOptions): DigitSumTask {
  const { seed, levels = [2, 3, 4, 5, 6], split = "train", form = "chat" } = options;
  const isLevel = (level: number) => Number.isInteger(level) && level >= 2 && level <= MOST_DIGITS;
  if (levels.length === 0 || !levels.every(isLevel)) {
    throw new RangeError(
      `levels are ${JSON.stringify(levels)}, they must be whole numbers from 2 to 15`,
    );
  }
  return {
    name: "digit_sum",
    length: Infinity,
    row(index) {
      const random = new CounterRandom(seed, STREAMS[split], index);
      for (let attempt = 0; attempt < MAX_DRAWS; attempt++) {
        const level = random.pick(levels);
        const digits = [
          1 + random.below(9),
          ...Array.from({ length: level - 1 }, () => random.below(10)),
        ];
        const number = digits.join("");
        if (splitOf(`digit_sum ${number}`) === split) {
          const answer = digits.reduce((sum, digit) => sum + digit, 0).toString();
          return { prompt: asked(number, form), task: "digit_sum", level, answer, number };
        }
      }
      throw new RangeError(
        `${MAX_DRAWS} numbers of ${levels.join(", ")} digits are none of ${split}`,
      );
    },
  };
}

function asked(number: string, form: "chat" | "text"): TaskRow["prompt"] {
  if (form === "text") return `Question: What is the sum of the digits of ${number}?\nAnswer:`;
  const content = `What is the sum of the digits of ${number}? ` +
    "Add them up one by one, then give the sum between <answer> and </answer>.";
  return [{ role: "user", content }];
}
