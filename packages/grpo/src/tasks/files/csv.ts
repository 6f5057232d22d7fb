/** Comma-separated values (RFC 4180) to rows, each with the line it begins in. Knows no column's meaning. */

/** A row of fields. */
export interface CsvRow {
  /** From 1. */
  readonly line: number;
  readonly fields: readonly string[];
  /** Whether a quote is still open at the end of the file. */
  readonly isOpen: boolean;
}

/** A field in quotes, where `""` is one, or up to the next separator; then what ends it. */
const FIELD = /(?:"((?:[^"]|"")*)("|$)([^,\r\n]*)|([^,\r\n]*))(,|\r\n|\n|\r|$)/y;

/** Rows of a text; fields in quotes may hold commas and line breaks. Empty lines are none. */
export function parseCsv(text: string): CsvRow[] {
  const rows: CsvRow[] = [];
  let fields: string[] = [];
  let line = 1;
  let start = 1;
  let isOpen = false;
  FIELD.lastIndex = 0;
  while (FIELD.lastIndex < text.length) {
    const [whole, quoted, quote, rest, plain, end] = FIELD.exec(text)!;
    fields.push(quoted === undefined ? plain : quoted.replaceAll('""', '"') + rest);
    isOpen = quoted !== undefined && quote === "";
    line += whole.match(/\r\n|\n|\r/g)?.length ?? 0;
    if (end === "," && FIELD.lastIndex < text.length) continue;
    if (end === ",") fields.push("");
    if (fields.length > 1 || fields[0] !== "") rows.push({ line: start, fields, isOpen });
    fields = [];
    start = line;
  }
  return rows;
}
