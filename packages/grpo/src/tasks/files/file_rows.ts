/** Records to the rows of a task: columns are found, each row is checked, all bad ones are told at once. */
import { rowsTask } from "../hash_split.ts";
import type { Task, TaskRow } from "../task.ts";
import { type BadRow, DataError } from "./data_error.ts";
import type { DataRecords } from "./records.ts";

/** Why a row cannot be used; thrown by the function that reads it. */
export class RowError extends Error {}

/** How prompts are written. */
export interface PromptOptions {
  /** What is asked of the model behind each question; `""`: nothing. */
  readonly instruction?: string;
  /** A system message before each question. */
  readonly system?: string;
}

/** Fields of a row by the names that a task gives its columns. */
export type ColumnReader = (column: string) => unknown;

/**
 * The task of a file. `columns` names each column that is needed by the names it may have, upper or lower case; `read`
 * makes a row of a record, or throws a `RowError`.
 *
 * @throws {DataError} for a column that no row has, and for bad rows, with their lines
 */
export function fileTask(
  name: string,
  data: DataRecords,
  columns: Readonly<Record<string, readonly string[]>>,
  read: (column: ColumnReader, index: number) => TaskRow,
): Task {
  const names = columnNames(data, columns);
  const badRows: BadRow[] = [...data.badRows];
  const rows: TaskRow[] = [];
  for (const { line, values } of data.records) {
    try {
      rows.push(read((column) => values[names[column]] ?? undefined, rows.length));
    } catch (error) {
      if (!(error instanceof RowError)) throw error;
      badRows.push({ line, reason: error.message });
    }
  }
  if (badRows.length > 0) {
    badRows.sort((a, b) => a.line - b.line);
    throw DataError.ofRows(data.file, data.unit, badRows, rows.length + badRows.length);
  }
  return rowsTask(name, rows);
}

/** What the file calls each column. */
function columnNames(
  { file, records, badRows, unit }: DataRecords,
  columns: Readonly<Record<string, readonly string[]>>,
): Record<string, string> {
  if (records.length === 0) throw DataError.ofRows(file, unit, badRows, badRows.length);
  const there = [...new Set(records.flatMap(({ values }) => Object.keys(values)))];
  return Object.fromEntries(
    Object.entries(columns).map(([column, names]) => {
      const found = names.map((name) =>
        there.find((other) => other.toLowerCase() === name.toLowerCase())
      )
        .find((name) => name !== undefined);
      if (found !== undefined) return [column, found];
      throw new DataError(
        file,
        `has no column ${names.join(" or ")}, its columns are ${there.join(", ")}`,
      );
    }),
  );
}

/** A text that is not empty; throws a `RowError` else. Numbers count as texts. */
export function textField(column: ColumnReader, name: string): string {
  const value = column(name);
  if (typeof value === "number") return `${value}`;
  if (value === undefined) throw new RowError(`${name} is missing`);
  if (typeof value !== "string") throw new RowError(`${name} is no text`);
  if (value.trim() === "") throw new RowError(`${name} is empty`);
  return value.trim();
}

/** A question as a conversation. */
export function chatPrompt(
  question: string,
  { instruction, system }: PromptOptions,
): TaskRow["prompt"] {
  const content = instruction ? `${question}\n\n${instruction}` : question;
  const user = { role: "user", content };
  return system ? [{ role: "system", content: system }, user] : [user];
}
