/** What multi-token prediction is trained on: which states guess which tokens (DeepSeek-V3 2412.19437, section 2.2). Runs nothing. */
import { type Batch, makeBatch } from "@aha/runtime/training";
import type { CountedSequence } from "../policy/counted_sequence.ts";
import type { MicroBatch } from "../policy/micro_batches.ts";

/** A row for each token that is followed by two: its state and the next token guess the one after. */
export interface GuessRows {
  /** Segments as in the main pass, each one token shorter. */
  readonly batch: Batch;
  /** The rows' numbers in the main pass. */
  readonly states: readonly number[];
  /** The next tokens. */
  readonly ids: Int32Array;
  /** Rows of these whose guess counts, and what it should be. */
  readonly rows: readonly number[];
  readonly targets: Int32Array;
  /** How many of them each sequence of the part has. */
  readonly counts: readonly number[];
}

/** The rows of a part; undefined where no guess counts. */
export function guessRows(
  sequences: readonly CountedSequence[],
  part: MicroBatch,
): GuessRows | undefined {
  const states: number[] = [];
  const rows: number[] = [];
  const targets: number[] = [];
  const counts: number[] = [];
  const inputs: { sequence: null; ids: number[]; firstPosition: number }[] = [];
  let start = 0;
  let row = 0;
  for (const { ids, mask } of part.sequences.map((number) => sequences[number])) {
    const before = rows.length;
    const fed: number[] = [];
    for (let i = 0; i + 2 < ids.length; i++, row++) {
      states.push(start + i);
      fed.push(ids[i + 1]);
      if (mask[i + 2] !== 1) continue;
      rows.push(row);
      targets.push(ids[i + 2]);
    }
    if (fed.length > 0) inputs.push({ sequence: null, ids: fed, firstPosition: 0 });
    counts.push(rows.length - before);
    start += Math.max(0, ids.length - 1);
  }
  if (rows.length === 0) return undefined;
  return { ...makeBatch(inputs), states, rows, targets: Int32Array.from(targets), counts };
}

/** Guesses of sequences that count. */
export function countGuesses(sequences: readonly CountedSequence[]): number {
  let count = 0;
  for (const { ids, mask } of sequences) {
    for (let i = 2; i < ids.length; i++) if (mask[i] === 1) count++;
  }
  return count;
}
