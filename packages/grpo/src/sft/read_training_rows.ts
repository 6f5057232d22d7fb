/** Files of supervised data to sequences, rows that cannot be used named by their lines. Trains nothing. */
import type { Tokenizer } from "@aha/runtime/tokenizer";
import type { CountedSequence } from "../policy/micro_batches.ts";
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

/**
 * All sequences of a file, in its order.
 * @throws {DataError} for a file without rows, and naming the lines that cannot be used
 */
export async function readTrainingRows(
  source: DataSource,
  tokenizer: Tokenizer,
  options: ReadRowsOptions,
): Promise<CountedSequence[]> {
  const { file, unit, records, badRows } = await readRecords(source);
  const { messagesColumn = "messages", completionOnlyLoss = true, maxLength } = options;
  const bad = [...badRows];
  const sequences = records.flatMap(({ line, values }) => {
    const { [messagesColumn]: messages, ...others } = values;
    const row = (messages === undefined ? others : { ...others, messages }) as TrainingRow;
    try {
      return trainingSequences(tokenizer, row).map((one) =>
        cut(one, maxLength, completionOnlyLoss)
      );
    } catch (error) {
      bad.push({ line, reason: (error as Error).message });
      return [];
    }
  });
  if (bad.length > 0) throw DataError.ofRows(file, unit, bad, records.length + badRows.length);
  const learned = sequences.filter(({ mask }) => mask.some((counts) => counts === 1));
  if (learned.length > 0) return learned;
  throw new DataError(file, `has nothing to learn within max_length ${maxLength}`);
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
