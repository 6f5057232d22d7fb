/** Suites: rows with the judge of their completions and how they are usually sampled. Sample nothing. */
import {
  type AnswerEquality,
  judgeAnswer,
  judgeLetter,
  judgeNumber,
} from "../tasks/answer_text.ts";
import { type CountdownRow, judgeCountdown } from "../tasks/files/countdown_file.ts";
import { judgeNano } from "../tasks/nano/judge.ts";
import { type NanoRow, nanoTestRows } from "../tasks/nano/nano_task.ts";
import type { NanoDraws } from "../tasks/nano/draws.ts";
import type { Task, TaskRow } from "../tasks/task.ts";
import type { Verdict } from "../tasks/verdict.ts";

/** What is evaluated. */
export interface Suite {
  readonly name: string;
  /** Results are told by their columns `task` and `level` too, where they have them. */
  readonly rows: readonly TaskRow[];
  judge(row: TaskRow, completion: string, isFinished: boolean): Verdict;
  /** Whether answers of different classes are one vote all the same, gold one first where it is among them. */
  readonly isSameAnswer?: AnswerEquality;
  /** Completions a prompt, unless other ones are asked for. */
  readonly samples: number;
  /** Most tokens of a completion, unless others are asked for. */
  readonly maxTokens: number;
}

/** What a suite may be told besides its rows. */
export interface SuiteOptions {
  /** At most so many rows, the first ones. */
  readonly limit?: number;
  readonly samples?: number;
  readonly maxTokens?: number;
}

/** R1 samples with 32,768 tokens at most (2501.12948, section 3). */
const R1_MAX_TOKENS = 32_768;
const NANO_MAX_TOKENS = 60;

/**
 * The nano tasks' test side: `count` different problems of each task that has a weight.
 *
 * @example
 * ```ts
 * import { nanoSuite } from "@aha/grpo/eval";
 *
 * const suite = nanoSuite({ seed: 1, tasks: { CHAIN: 1, CD: 1 } }, 64);
 * console.log(suite.rows.length); // 128
 * ```
 */
export function nanoSuite(
  draws: Omit<NanoDraws, "split">,
  count: number,
  options: Omit<SuiteOptions, "limit"> = {},
): Suite {
  const tasks = draws.tasks ?? { CHAIN: 1, MUL: 1, EVAL: 1, CD: 1, GENERAL: 1 };
  const names = Object.keys(tasks).filter((name) => tasks[name as keyof typeof tasks]);
  const rows = names.flatMap((name) => nanoTestRows({ ...draws, tasks: { [name]: 1 } }, count));
  return {
    name: "nano",
    rows,
    samples: options.samples ?? 16,
    maxTokens: options.maxTokens ?? NANO_MAX_TOKENS,
    judge: (row, completion, isFinished) =>
      judgeNano((row as NanoRow).prompt, completion, isFinished)!,
  };
}

/** A suite whose answers are numbers: sums of digits, GSM8K, AIME. */
export function numberSuite(task: Task, options: SuiteOptions = {}): Suite {
  return taskSuite(task, options, ofAnswer(judgeNumber));
}

/** A suite whose answers are letters: GPQA. */
export function choiceSuite(task: Task, options: SuiteOptions = {}): Suite {
  return taskSuite(task, options, ofAnswer(judgeLetter));
}

/**
 * A suite whose answers need an equality of their own: MATH-500. `isEqual` gets the gold answer and what a completion
 * marks as its answer, mostly the inside of a box; it also says which wrong answers are one vote.
 *
 * With the verifier of `@aha/grpo/rewards`: `(gold, answer) => verifyAnswer(gold, `\\boxed{${answer}}`) ?? false`.
 */
export function equalitySuite(
  task: Task,
  isEqual: AnswerEquality,
  options: SuiteOptions = {},
): Suite {
  const judge = ofAnswer((gold, text, isFinished) => judgeAnswer(gold, text, isFinished, isEqual));
  return { ...taskSuite(task, options, judge), isSameAnswer: isEqual };
}

/** A suite of Countdown from files. */
export function countdownSuite(task: Task, options: SuiteOptions = {}): Suite {
  return taskSuite(
    task,
    options,
    (row, text, isFinished) => judgeCountdown(row as CountdownRow, text, isFinished),
  );
}

/** A judge that takes the column `answer`. */
function ofAnswer(
  judge: (gold: string, text: string, isFinished: boolean) => Verdict,
): Suite["judge"] {
  return (row, text, isFinished) => judge(String(row.answer), text, isFinished);
}

/**
 * All rows of a task, or the first `limit` ones.
 * @throws {RangeError} for an endless task without `limit`
 */
function taskSuite(
  task: Task,
  { limit = task.length, samples = 4, maxTokens = R1_MAX_TOKENS }: SuiteOptions,
  judge: Suite["judge"],
): Suite {
  const length = Math.min(limit, task.length);
  if (!Number.isFinite(length)) {
    throw new RangeError(`${task.name} has no end, limit must say how many rows are evaluated`);
  }
  const rows = Array.from({ length }, (_, index) => task.row(index));
  return { name: task.name, rows, samples, maxTokens, judge };
}
