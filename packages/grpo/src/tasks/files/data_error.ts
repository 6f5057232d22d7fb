/** The error of data that cannot be used: which file, which rows and why. */

/** The most rows that a message names. */
const MOST_NAMED = 5;

/** A row that cannot be used. */
export interface BadRow {
  /** Line of a text, else number of the row, from 1. */
  readonly line: number;
  readonly reason: string;
}

/** A file of a task has no rows, not the columns that are needed, or rows that cannot be used. */
export class DataError extends SyntaxError {
  override readonly name: string = "DataError";
  readonly file: string;
  /** All of them; empty where it is not the fault of a row. */
  readonly badRows: readonly BadRow[];

  constructor(file: string, message: string, badRows: readonly BadRow[] = []) {
    super(`${file} ${message}`);
    this.file = file;
    this.badRows = badRows;
  }

  /** Of rows that cannot be used, the first ones named. */
  static ofRows(file: string, unit: string, badRows: readonly BadRow[], rows: number): DataError {
    const named = badRows.slice(0, MOST_NAMED).map(({ line, reason }) =>
      `${unit} ${line}: ${reason}`
    );
    const more = badRows.length > MOST_NAMED ? `; and ${badRows.length - MOST_NAMED} more` : "";
    const message = `has ${badRows.length} bad of ${rows} rows: ${named.join("; ")}${more}`;
    return new DataError(file, message, badRows);
  }
}
