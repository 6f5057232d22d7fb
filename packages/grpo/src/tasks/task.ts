/** What a task is: rows with prompts, and what their answers are judged by. Types only. */
import type { ChatMessage } from "@aha/runtime";

/** One problem. All columns besides the prompt go to the reward functions. */
export interface TaskRow {
  /** A conversation goes through the chat template; a text is taken as it is, control tokens in it parsed. */
  readonly prompt: string | readonly ChatMessage[];
  readonly [column: string]: unknown;
}

/** Problems by number: the same number gives the same row, so that a run goes on where it was. */
export interface Task {
  readonly name: string;
  /** Rows there are; `Infinity` where they are generated. */
  readonly length: number;
  row(index: number): TaskRow;
}
