/** Suites by name or file, as the command line has them. Samples nothing. */
import { verifyAnswer } from "../rewards/answer/verify_answer.ts";
import { digitSumTask } from "../tasks/digit_sum.ts";
import { aimeTask, gpqaTask, gsm8kTask, math500Task } from "../tasks/files/benchmarks.ts";
import { columnTask } from "../tasks/files/column_task.ts";
import { countdownTask } from "../tasks/files/countdown_file.ts";
import { NANO_TASK_NAMES } from "../tasks/nano/draws.ts";
import type { NanoTaskName } from "../tasks/nano/prompt.ts";
import {
  choiceSuite,
  countdownSuite,
  equalitySuite,
  nanoSuite,
  numberSuite,
  type Suite,
  type SuiteOptions,
} from "./suite.ts";

/** Forms of files that are known. */
export const SUITE_FORMATS = ["gsm8k", "math500", "aime", "gpqa", "countdown", "jsonl"] as const;
export type SuiteFormat = (typeof SUITE_FORMATS)[number];

/** Names that need no file; a nano task stands for its problems alone. */
export const SUITE_NAMES: readonly string[] = ["nano", "digit_sum", ...NANO_TASK_NAMES];

/** Problems of each generated task, unless a limit is given. */
const GENERATED = 64;
/** Most tokens of an answer to a sum of digits. */
const SUM_TOKENS = 256;

/** How a suite is read. */
export interface ReadSuiteOptions extends SuiteOptions {
  /** Of a file. */
  readonly format?: SuiteFormat;
  /** Of generated problems, and of the order of GPQA's choices. Default 0. */
  readonly seed?: number;
}

/**
 * The suite of a name or file. `limit` is the number of problems of a file, and of each task of the nano tasks.
 * @throws {RangeError} for a file without a format, and a name that is none
 * @throws {DataError} for a file that cannot be used
 *
 * @example
 * ```ts
 * import { readSuite } from "@aha/grpo/eval";
 *
 * console.log((await readSuite("CHAIN6", { limit: 4 })).rows.length); // 4
 * ```
 */
export async function readSuite(name: string, options: ReadSuiteOptions = {}): Promise<Suite> {
  const { format, seed = 0, limit = GENERATED } = options;
  if (format !== undefined) return await fileSuite(name, format, options);
  if (name === "digit_sum") {
    const sums = digitSumTask({ seed, split: "test" });
    return numberSuite(sums, { maxTokens: SUM_TOKENS, ...options, limit });
  }
  const alone = NANO_TASK_NAMES.find((task) => task === name);
  if (name === "nano" || alone) {
    const tasks: Partial<Record<NanoTaskName, number>> | undefined = alone && { [alone]: 1 };
    return nanoSuite({ seed, tasks }, limit, options);
  }
  throw new RangeError(
    `suite is ${JSON.stringify(name)}, it must be one of ${
      SUITE_NAMES.join(", ")
    }, or a file with a format of ${SUITE_FORMATS.join(", ")}`,
  );
}

async function fileSuite(
  file: string,
  format: SuiteFormat,
  { seed = 0, ...options }: ReadSuiteOptions,
): Promise<Suite> {
  switch (format) {
    case "gsm8k":
      return numberSuite(await gsm8kTask(file), options);
    case "aime":
      return numberSuite(await aimeTask(file), options);
    case "gpqa":
      return choiceSuite(await gpqaTask(file, { seed }), options);
    case "countdown":
      return countdownSuite(await countdownTask(file), options);
  }
  const isEqual = (gold: string, answer: string) =>
    verifyAnswer(gold, `\\boxed{${answer}}`) ?? false;
  const task = format === "math500" ? await math500Task(file) : await columnTask(file);
  return equalitySuite(task, isEqual, options);
}
