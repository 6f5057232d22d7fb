/** Countdown with whole numbers from local files as they are published, and its exact verifier. Draws no problems. */
import { markedAnswer } from "../answer_text.ts";
import type { Task, TaskRow } from "../task.ts";
import type { Verdict } from "../verdict.ts";
import { readEquation } from "./equation.ts";
import {
  chatPrompt,
  type ColumnReader,
  fileTask,
  type PromptOptions,
  RowError,
} from "./file_rows.ts";
import { type DataSource, readRecords } from "./records.ts";

const TAGGED = "Think first, then give the expression alone between <answer> and </answer>.";
const MOST_NUMBERS = 12;

/** A row of Countdown. */
export interface CountdownRow extends TaskRow {
  readonly nums: readonly number[];
  readonly target: number;
}

/**
 * Countdown from files with `nums` and `target` (TinyZero's Parquet files, Stream of Search's JSON: Gandhi et al.
 * 2404.03683). `judgeCountdown` judges; a row's level is how many numbers it has.
 */
export async function countdownTask(
  source: DataSource,
  options: PromptOptions = {},
): Promise<Task> {
  const columns = { nums: ["nums", "numbers"], target: ["target"] };
  return fileTask("countdown", await readRecords(source), columns, (column): CountdownRow => {
    const nums = numbersOf(column);
    const target = wholeNumber(column("target"), "target");
    const question =
      `Using the numbers ${nums.join(", ")}, each exactly once, with + - * / and brackets, ` +
      `write an expression that equals ${target}.`;
    const prompt = chatPrompt(question, { instruction: TAGGED, ...options });
    return { prompt, task: "countdown", level: nums.length, nums, target };
  });
}

function numbersOf(column: ColumnReader): number[] {
  const given = column("nums");
  const list = typeof given === "string" ? given.match(/-?\d+(?:\.\d+)?/g) : given;
  if (!Array.isArray(list) || list.length < 2 || list.length > MOST_NUMBERS) {
    throw new RowError(`nums is no list of 2 to ${MOST_NUMBERS} numbers`);
  }
  return list.map((value) => wholeNumber(value, "nums"));
}

function wholeNumber(value: unknown, name: string): number {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  if (Number.isSafeInteger(number)) return number as number;
  throw new RowError(
    `${name} has ${JSON.stringify(value) ?? "no value"} where a whole number belongs`,
  );
}

/**
 * Judges an expression: all numbers, each once, and the exact value. What stands behind `=` is left out of account. Votes
 * go to values, as with the nano countdown.
 *
 * @example
 * ```ts
 * import { judgeCountdown } from "@aha/grpo/tasks";
 *
 * const row = { prompt: "", nums: [19, 36, 55, 7], target: 65 };
 * console.log(judgeCountdown(row, "<answer> 55 + 36 - 7 - 19 </answer>", true).isRight); // true
 * ```
 */
export function judgeCountdown(row: CountdownRow, text: string, isFinished: boolean): Verdict {
  const marked = markedAnswer(text);
  const content = text.split("</think>").at(-1)!;
  const lastLine = content.includes("<think>") ? "" : content.trim().split("\n").at(-1)!;
  const answerClass = marked === null ? null : valueOf(row, marked);
  const isRight = answerClass === `${row.target}`;
  return {
    hasFormat: marked !== null && isFinished,
    isRight,
    isStrictlyRight: isRight && isFinished,
    isLenientlyRight: marked === null ? valueOf(row, lastLine) === `${row.target}` : isRight,
    answerClass,
    languageShare: null,
    thoughtLength: null,
    reflections: 0,
  };
}

/** The value of an expression of exactly the row's numbers, as a fraction in lowest terms; null for all others. */
function valueOf({ nums }: CountdownRow, answer: string): string | null {
  const equation = readEquation(answer.split("=")[0]);
  if (!equation) return null;
  const sorted = (numbers: readonly number[]) => [...numbers].sort((a, b) => a - b).join();
  return sorted(equation.numbers) === sorted(nums) ? equation.value : null;
}
