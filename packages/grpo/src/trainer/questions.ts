/** Which rows of a task a round asks, and their tokens. Samples nothing. */
import { type ChatMessage, UnsupportedError } from "@aha/runtime";
import { encodeChat, type Tokenizer } from "@aha/runtime/tokenizer";
import { hashOfValues, type RunInputs } from "../run/run_inputs.ts";
import type { Task, TaskRow } from "../tasks/task.ts";
import { CounterRandom } from "../tasks/counter_random.ts";

/** A row of a task, ready to be answered. */
export interface Question {
  /** Number in the task. */
  readonly index: number;
  readonly row: TaskRow;
  readonly ids: readonly number[];
}

/** Stream of the order of rows, apart from those of tasks and of batches. */
const ORDER_STREAM = 100;

/** Takes rows in the task's order, or in a new one each time that it has been through. */
export class Questions {
  #epoch = -1;
  #order: readonly number[] = [];

  constructor(
    private readonly task: Task,
    private readonly tokenizer: Tokenizer,
    private readonly options: {
      readonly seed: number;
      readonly shuffles: boolean;
      /** Most tokens of a prompt: what the context leaves besides a completion. */
      readonly mostTokens: number;
    },
  ) {
    if (task.length > 0) return;
    throw new RangeError(`The task ${task.name} has no rows`);
  }

  /** A hash of the task's rows by its name; none where it has no end: they follow from its seed then. */
  get hashes(): RunInputs {
    const { name, length } = this.task;
    if (!Number.isFinite(length)) return {};
    const rows = Array(length).keys().map((index) => this.task.row(index));
    return { [`task ${name}`]: hashOfValues(rows) };
  }

  /** Rows of the task; `Infinity` where it has no end. */
  get length(): number {
    return this.task.length;
  }

  /**
   * `count` questions from number `from` on, counted over all epochs.
   * @throws {RangeError} naming the row whose prompt is empty or too long
   */
  take(from: number, count: number): Question[] {
    return Array.from({ length: count }, (_, i) => this.#question(this.#indexOf(from + i)));
  }

  #indexOf(number: number): number {
    const { length } = this.task;
    if (!Number.isFinite(length)) return number;
    if (!this.options.shuffles) return number % length;
    const epoch = Math.floor(number / length);
    if (epoch !== this.#epoch) {
      const rows = Array.from({ length }, (_, row) => row);
      this.#order = new CounterRandom(this.options.seed, ORDER_STREAM, epoch).shuffled(rows);
      this.#epoch = epoch;
    }
    return this.#order[number % length];
  }

  #question(index: number): Question {
    const row = this.task.row(index);
    const ids = promptIds(this.tokenizer, row.prompt);
    const { mostTokens } = this.options;
    if (ids.length > 0 && ids.length <= mostTokens) return { index, row, ids };
    const what = `The prompt of row ${index} of ${this.task.name} has ${ids.length} tokens`;
    throw new RangeError(
      ids.length === 0
        ? what
        : `${what}, the context leaves ${mostTokens} besides a completion of max_completion_length`,
    );
  }
}

/**
 * A conversation through the model's chat template; a text as it is, control tokens in it parsed, after the BOS token if
 * the model wants one and the text does not begin with it.
 * @throws {UnsupportedError} for a conversation with a model that has no chat template
 */
export function promptIds(
  tokenizer: Tokenizer,
  prompt: string | readonly ChatMessage[],
): number[] {
  if (typeof prompt !== "string") {
    const { chatTemplate } = tokenizer;
    if (chatTemplate !== undefined) {
      return encodeChat(tokenizer, chatTemplate, prompt, { addGenerationPrompt: true });
    }
    throw new UnsupportedError(
      "The model has no chat template: the task's prompts must be texts",
      "chat template",
    );
  }
  const ids = tokenizer.encode(prompt, { special: true });
  const { addBos, bosId } = tokenizer;
  return addBos && bosId !== undefined && ids[0] !== bosId ? [bosId, ...ids] : ids;
}

/** What a prompt has begun of an answer: a thought that is open at its end. */
export function begunAnswer(promptText: string): string {
  const open = promptText.lastIndexOf("<think>");
  return open >= 0 && open > promptText.lastIndexOf("</think>") ? promptText.slice(open) : "";
}
