/** Which sequences pass together because they begin with the same prompt, whose rows are computed once for them. Lays out no rows. */
import { type CountedSequence, rowsOf } from "./counted_sequence.ts";

/** Sequences that are never parted. */
export interface PromptUnit {
  /** Their numbers. */
  readonly sequences: readonly number[];
  /** Ids with which all of them begin and that stand once; 0 for a sequence by itself. */
  readonly shared: number;
  /** Rows of all, each sequence for itself. */
  readonly tokens: number;
}

/** Most rows of sequences that share a prompt, each for itself: parts of less are not smaller for the sake of memory. */
export const UNIT_TOKENS = 1024;
/** Laying out whole sequences for attention takes time as well: so great a share of the rows must be spared. */
const LEAST_SPARED = 1 / 6;

/**
 * Sequences with the same prompt by turns of a unit, in the order of each one's first; it follows from the sequences alone,
 * whatever the memory, and so do the sums of gradients that depend on it.
 */
export function promptUnits(sequences: readonly CountedSequence[]): PromptUnit[] {
  const units: number[][] = [];
  const open = new Map<string, { readonly unit: number[]; tokens: number }>();
  sequences.forEach((sequence, i) => {
    const { ids, promptTokens = 0 } = sequence;
    if (promptTokens === 0 || promptTokens >= ids.length) {
      units.push([i]);
      return;
    }
    const key = Array.prototype.slice.call(ids, 0, promptTokens).join();
    const before = open.get(key);
    const tokens = rowsOf(sequence);
    if (before && before.tokens + tokens <= UNIT_TOKENS) {
      before.unit.push(i);
      before.tokens += tokens;
      return;
    }
    const unit = [i];
    units.push(unit);
    open.set(key, { unit, tokens });
  });
  return units.flatMap((unit) => unitsOf(unit, sequences));
}

function unitsOf(unit: readonly number[], sequences: readonly CountedSequence[]): PromptUnit[] {
  const tokens = unit.reduce((sum, i) => sum + rowsOf(sequences[i]), 0);
  const shared = sequences[unit[0]].promptTokens ?? 0;
  if (shared * (unit.length - 1) >= LEAST_SPARED * tokens && unit.length > 1) {
    return [{ sequences: unit, shared, tokens }];
  }
  return unit.map((i) => ({ sequences: [i], shared: 0, tokens: rowsOf(sequences[i]) }));
}
