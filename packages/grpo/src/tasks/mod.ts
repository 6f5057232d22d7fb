/** Tasks with exact verifiers. The public face of `@aha/grpo/tasks`; defines nothing itself. */
export type { Task, TaskRow } from "./task.ts";
export { CounterRandom } from "./counter_random.ts";
export type { Verdict } from "./verdict.ts";
export {
  type AnswerEquality,
  judgeAnswer,
  judgeLetter,
  judgeNumber,
  markedAnswer,
} from "./answer_text.ts";
export {
  type DigitSumOptions,
  type DigitSumRow,
  type DigitSumTask,
  digitSumTask,
} from "./digit_sum.ts";
export { heldOut, type Split, splitOf } from "./hash_split.ts";
export { decodeWords, encodeWords, TOKEN, type TokenName, VOCABULARY } from "./nano/vocabulary.ts";
export type { Language } from "./nano/digits.ts";
export type { NanoProblem } from "./nano/problems/problem.ts";
export { NANO_TASK_NAMES, type NanoDraws } from "./nano/draws.ts";
export type { NanoTaskName } from "./nano/prompt.ts";
export { type NanoRow, type NanoTask, nanoTask, nanoTestRows } from "./nano/nano_task.ts";
export {
  type NanoDocument,
  type NanoDocumentOptions,
  type NanoDocuments,
  nanoDocuments,
} from "./nano/documents.ts";
export { soundTries } from "./nano/problems/attempts.ts";
export { judgeNano, type NanoVerdict } from "./nano/judge.ts";
export { strangeness } from "./nano/learned.ts";
export { nanoAccuracyReward, nanoFormatReward, nanoLanguageReward } from "./nano/rewards.ts";
export { DataError } from "./files/data_error.ts";
export type { DataSource } from "./files/records.ts";
export type { PromptOptions } from "./files/file_rows.ts";
export { columnTask, type ColumnTaskOptions } from "./files/column_task.ts";
export { aimeTask, gpqaTask, gsm8kTask, math500Task } from "./files/benchmarks.ts";
export { type CountdownRow, countdownTask, judgeCountdown } from "./files/countdown_file.ts";
export { readTask, type ReadTaskOptions, TASK_NAMES, type TaskChoice } from "./read_task.ts";
