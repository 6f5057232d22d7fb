/** Files of JSON, JSON lines, CSV and Parquet to records with their lines. Knows no column's meaning. */
import { builtin } from "@aha/runtime/host";
import { parseCsv } from "./csv.ts";
import { type BadRow, DataError } from "./data_error.ts";

/** A file's path or, where there is no disk, its name and bytes. */
export type DataSource = string | URL | { readonly name: string; readonly bytes: Uint8Array };

/** One row of a file. */
export interface DataRecord {
  /** Line of a text, else number of the row, from 1. */
  readonly line: number;
  readonly values: Readonly<Record<string, unknown>>;
}

/** All rows of a file. */
export interface DataRecords {
  readonly file: string;
  /** What `line` counts: lines of a text, or rows. */
  readonly unit: "line" | "row";
  readonly records: readonly DataRecord[];
  /** Rows that are no records. */
  readonly badRows: readonly BadRow[];
}

type Parsed = Omit<DataRecords, "file">;

/** Formats by the ending of the name. */
const FORMATS: Readonly<Record<string, (bytes: Uint8Array) => Parsed | Promise<Parsed>>> = {
  jsonl: (bytes) => parseLines(textOf(bytes)),
  ndjson: (bytes) => parseLines(textOf(bytes)),
  json: (bytes) => parseArray(textOf(bytes)),
  csv: (bytes) => parseTable(textOf(bytes)),
  parquet: parseParquet,
};

/**
 * Reads a file by the ending of its name: `.jsonl`, `.ndjson`, `.json` (an array), `.csv` (the first row names the
 * columns), `.parquet`.
 *
 * @throws {DataError} for another ending, a file that cannot be read, a text that is not the format's, and a file without rows
 */
export async function readRecords(source: DataSource): Promise<DataRecords> {
  const isGiven = typeof source === "object" && "bytes" in source;
  const file = isGiven ? source.name : `${source}`;
  const format = FORMATS[/\.(\w+)$/.exec(file)?.[1].toLowerCase() ?? ""];
  if (!format) {
    throw new DataError(
      file,
      `must end in ${Object.keys(FORMATS).map((name) => `.${name}`).join(", ")}`,
    );
  }
  const bytes = isGiven ? source.bytes : await bytesOf(source, file);
  let parsed: Parsed;
  try {
    parsed = await format(bytes);
  } catch (error) {
    throw new DataError(file, `cannot be read: ${error instanceof Error ? error.message : error}`);
  }
  if (parsed.records.length + parsed.badRows.length === 0) throw new DataError(file, "has no rows");
  return { file, ...parsed };
}

async function bytesOf(source: string | URL, file: string): Promise<Uint8Array> {
  try {
    return await builtin("node:fs").promises.readFile(source);
  } catch (error) {
    const { code, message } = error as { readonly code?: string; readonly message: string };
    const reason = code === "ENOENT" ? "there is no such file" : message.split("\n")[0];
    throw new DataError(file, `cannot be read: ${reason}`);
  }
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
}

function parseLines(text: string): Parsed {
  const records: DataRecord[] = [];
  const badRows: BadRow[] = [];
  text.split(/\r\n|\n|\r/).forEach((content, at) => {
    if (content.trim() === "") return;
    const line = at + 1;
    try {
      const values = JSON.parse(content);
      if (isRecord(values)) records.push({ line, values });
      else badRows.push({ line, reason: "is no JSON object" });
    } catch {
      badRows.push({ line, reason: "is no JSON" });
    }
  });
  return { unit: "line", records, badRows };
}

function parseArray(text: string): Parsed {
  const rows: unknown = JSON.parse(text);
  if (!Array.isArray(rows)) throw new SyntaxError("it holds no array of rows");
  return ofRows(rows);
}

function ofRows(rows: readonly unknown[]): Parsed {
  const records: DataRecord[] = [];
  const badRows: BadRow[] = [];
  rows.forEach((values, at) => {
    if (isRecord(values)) records.push({ line: at + 1, values });
    else badRows.push({ line: at + 1, reason: "is no object" });
  });
  return { unit: "row", records, badRows };
}

function parseTable(text: string): Parsed {
  const [head, ...rows] = parseCsv(text);
  const records: DataRecord[] = [];
  const badRows: BadRow[] = [];
  for (const { line, fields, isOpen } of rows) {
    if (isOpen) badRows.push({ line, reason: "has a quote that is not closed" });
    else if (fields.length !== head.fields.length) {
      badRows.push({
        line,
        reason: `has ${fields.length} fields, the first row has ${head.fields.length}`,
      });
    } else {
      records.push({
        line,
        values: Object.fromEntries(head.fields.map((name, at) => [name, fields[at]])),
      });
    }
  }
  return { unit: "line", records, badRows };
}

/** Loaded only where such a file is. Whole numbers of 64 bits become numbers. */
async function parseParquet(bytes: Uint8Array): Promise<Parsed> {
  const { parquetReadObjects, toJson } = await import("hyparquet");
  const file = Uint8Array.from(bytes).buffer;
  const rows = await parquetReadObjects({ file });
  return ofRows(rows.map((row) => toJson(row)));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
