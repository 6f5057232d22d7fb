/** Files of supervised data to sequences, rows that cannot be used named by their lines. Trains nothing. */
import type { Tokenizer } from "@aha/runtime/tokenizer";
import type { CountedSequence } from "../policy/counted_sequence.ts";
import { DataError } from "../tasks/files/data_error.ts";
import { type DataSource, readRecords } from "../tasks/files/records.ts";
import { type TrainingRow, trainingSequences } from "./training_rows.ts";

/** How rows are read. */
export interface ReadRowsOptions {
  /** Where conversations are. Default `messages`. */
  readonly messagesColumn?: string;
  /** Whether only completions and answers count; otherwise all tokens do. Default true. */
  readonly completionOnlyLoss?: boolean;
  /** Longer sequences are cut at their ends. */
  readonly maxLength: number;
}

/** What a file has to be learned. */
export interface ReadRows {
  readonly sequences: readonly CountedSequence[];
  /** What was cut or left out, a sentence each. */
  readonly warnings: readonly string[];
}

/**
 * All sequences of a file, in its order.
 * @throws {DataError} for a file without rows, and naming the lines that cannot be used
 */
export async function readTrainingRows(
  source: DataSource,
  tokenizer: Tokenizer,
  options: ReadRowsOptions,
): Promise<ReadRows> {
  const { file, unit, records, badRows } = await readRecords(source);
  const { completionOnlyLoss = true, maxLength } = options;
  const bad = [...badRows];
  const whole = records.flatMap(({ line, values }) => {
    try {
      return trainingSequences(tokenizer, rowOf(values, options.messagesColumn));
    } catch (error) {
      bad.push({ line, reason: (error as Error).message });
      return [];
    }
  });
  if (bad.length > 0) throw DataError.ofRows(file, unit, bad, records.length + badRows.length);
  const all = whole.map((one) => cut(one, maxLength, completionOnlyLoss));
  const sequences = all.filter(({ mask }) => mask.some((counts) => counts === 1));
  if (sequences.length === 0) {
    throw new DataError(file, `has nothing to learn within max_length ${maxLength}`);
  }
  const long = whole.filter(({ ids }) => ids.length > maxLength).length;
  const lost = all.length - sequences.length;
  const warnings = [
    ...(long > 0
      ? [`${long} of ${all.length} sequences are longer than max_length ${maxLength} and were cut`]
      : []),
    ...(lost > 0
      ? [
        `${lost} of ${all.length} sequences have nothing to learn within max_length and were left out`,
      ]
      : []),
  ];
  return { sequences, warnings };
}

/** @throws {TypeError} where the conversations shall be in a column that is not there */
function rowOf(values: Readonly<Record<string, unknown>>, column = "messages"): TrainingRow {
  if (column === "messages") return values;
  const { [column]: messages } = values;
  if (messages === undefined || messages === null) throw new TypeError(`${column} is missing`);
  return { messages, tools: values.tools };
}

function cut(
  { ids, mask }: CountedSequence,
  maxLength: number,
  completionOnlyLoss: boolean,
): { readonly ids: number[]; readonly mask: number[] } {
  const kept = Array.from(ids).slice(0, maxLength);
  const counted = completionOnlyLoss ? Array.from(mask).slice(0, maxLength) : kept.map(() => 1);
  // The first token is never drawn.
  return { ids: kept, mask: counted.map((counts, i) => i === 0 ? 0 : counts) };
}
