/** The nano tasks as a `Task` of prompts for reinforcement learning and evaluation. Writes no answers but the gold one. */
import { CounterRandom } from "../counter_random.ts";
import type { Split } from "../hash_split.ts";
import type { Task, TaskRow } from "../task.ts";
import { DigitWriter, type Language } from "./digits.ts";
import { drawPrompt, type NanoDraws, readDraws, type ResolvedDraws } from "./draws.ts";
import { NANO_TASKS, type NanoTaskName, writePrompt } from "./prompt.ts";
import { decodeWords } from "./vocabulary.ts";

/** A row of the nano tasks. */
export interface NanoRow extends TaskRow {
  readonly prompt: string;
  readonly task: NanoTaskName;
  readonly level: number;
  /** The language that is asked for. */
  readonly language: Language;
  /** A right answer in that language; of a countdown one of several. */
  readonly answer: string;
  /** Equal for equal problems, whatever language they are asked in. */
  readonly problem: string;
}

/** Prompts of the nano tasks by number. */
export interface NanoTask extends Task {
  row(index: number): NanoRow;
}

/** The tasks of reasoning, equally often. */
const REASONING = { CHAIN: 1, MUL: 1, EVAL: 1, CD: 1 };
const STREAMS: Readonly<Record<Split, number>> = { train: 3, test: 4 };

/**
 * Endless prompts of the nano tasks, by default the four of reasoning, of problems that are not held out.
 *
 * @throws {RangeError} for weights, levels or languages that cannot be drawn
 *
 * @example
 * ```ts
 * import { nanoTask } from "@aha/grpo/tasks";
 *
 * const { prompt, answer } = nanoTask({ seed: 1, tasks: { CHAIN6: 1 }, languages: ["en"] }).row(0);
 * console.log(prompt, "->", answer);
 * ```
 */
export function nanoTask(options: NanoDraws): NanoTask {
  const draws = readDraws({ tasks: REASONING, ...options });
  return {
    name: draws.tasks.join("+"),
    length: Infinity,
    row: (index) => nanoRow(draws, index),
  };
}

/**
 * The first so many different problems of a nano task's test side, of the levels that are not solved at sight: an
 * evaluation set. The same options give the same set.
 *
 * @throws {RangeError} when there are not so many problems
 */
export function nanoTestRows(options: Omit<NanoDraws, "split">, count: number): NanoRow[] {
  const hard = Object.entries(NANO_TASKS).map(([name, { hardLevels }]) => [name, hardLevels]);
  const levels = { ...Object.fromEntries(hard), ...options.levels };
  const task = nanoTask({ ...options, levels, split: "test" });
  const rows = new Map<string, NanoRow>();
  const last = DRAWS_A_ROW * count;
  for (let index = 0; index < last && rows.size < count; index++) {
    const row = task.row(index);
    if (!rows.has(row.problem)) rows.set(row.problem, row);
  }
  if (rows.size < count) {
    throw new RangeError(
      `${count} problems of ${task.name} are asked for, ${last} draws gave ${rows.size} different ones`,
    );
  }
  return [...rows.values()];
}

/** After so many draws for each wanted row the problems are taken to be used up. */
const DRAWS_A_ROW = 50;

function nanoRow(draws: ResolvedDraws, index: number): NanoRow {
  const random = new CounterRandom(draws.seed, STREAMS[draws.split], index);
  const asked = drawPrompt(draws, random);
  const { task, problem, language } = asked;
  const kind = NANO_TASKS[task];
  const prompt = decodeWords(writePrompt(asked, asked.questionStyle, random));
  const answer: number[] = [];
  new DigitWriter(language, random).write(kind.solve(problem, random).answer, answer);
  return {
    ...{ prompt, task, level: kind.level(problem), language },
    answer: decodeWords(answer),
    problem: kind.key(problem),
  };
}
