/** Any file with prompts and answers as a task. Knows no benchmark. */
import type { Task, TaskRow } from "../task.ts";
import { chatPrompt, fileTask, type PromptOptions, RowError, textField } from "./file_rows.ts";
import { type DataSource, readRecords } from "./records.ts";

/** Which columns there are. */
export interface ColumnTaskOptions extends PromptOptions {
  /** Default `"prompt"`. */
  readonly promptColumn?: string;
  /** Default `"answer"`; `null`: there is none, rewards do without. */
  readonly answerColumn?: string | null;
  /** Whether a prompt that is a text becomes a message of the user; otherwise it is gone on with as it is. Default true. */
  readonly asChat?: boolean;
}

/**
 * The task of a file with a prompt, and mostly an answer, in each row: JSON lines, a JSON array, CSV or Parquet. A prompt
 * is a text or a list of messages `{ role, content }`. All other columns go to the reward functions too.
 *
 * @throws {DataError} for a file without rows, a column that is not there, and bad rows, with their lines
 *
 * @example
 * ```ts
 * import { columnTask } from "@aha/grpo/tasks";
 *
 * const bytes = new TextEncoder().encode('{"question": "1 + 1?", "answer": "2"}\n');
 * const task = await columnTask({ name: "sums.jsonl", bytes }, { promptColumn: "question" });
 * console.log(task.row(0).prompt, task.row(0).answer);
 * ```
 */
export async function columnTask(
  source: DataSource,
  options: ColumnTaskOptions = {},
): Promise<Task> {
  const { promptColumn = "prompt", answerColumn = "answer", asChat = true } = options;
  const data = await readRecords(source);
  const columns = {
    prompt: [promptColumn],
    ...(answerColumn === null ? {} : { answer: [answerColumn] }),
  };
  const others = [...new Set(data.records.flatMap(({ values }) => Object.keys(values)))]
    .filter((name) => !(name in columns));
  const all = { ...Object.fromEntries(others.map((name) => [name, [name]])), ...columns };
  return fileTask(data.file, data, all, (column) => {
    const rest = Object.fromEntries(others.map((name) => [name, column(name)]));
    const prompt = column("prompt");
    const answer = answerColumn === null ? {} : { answer: answerOf(column("answer")) };
    if (Array.isArray(prompt)) return { ...rest, ...answer, prompt: messagesOf(prompt) };
    const text = textField(column, "prompt");
    return { ...rest, ...answer, prompt: asChat ? chatPrompt(text, options) : text };
  });
}

function answerOf(value: unknown): unknown {
  if (value === undefined || value === "") throw new RowError("answer is missing");
  return value;
}

function messagesOf(messages: readonly unknown[]): TaskRow["prompt"] {
  const isMessage = (one: unknown): one is { role: string } =>
    typeof one === "object" && one !== null && "role" in one && typeof one.role === "string";
  if (messages.length > 0 && messages.every(isMessage)) return messages;
  throw new RowError("prompt is no list of messages with a role each");
}
