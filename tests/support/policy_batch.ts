/** Random batches of completions for tests of policy losses: ragged, with masked tokens and rows, away from where clipping begins. */
import type { PolicyLossInput } from "../../packages/grpo/mod.ts";
import { seededRandom } from "./seeded_random.ts";

/** All inputs set. */
export type PolicyBatch = Required<PolicyLossInput>;

/** Tokens of each row; `.` is masked. The third row is masked as a whole. */
const MASKS = ["1111", "11..11", "...", "1", "11111.."];

/** Ratios stay this far away from every bound, so that differences see one branch. */
const MARGIN = 2e-3;

/** A batch whose ratios, of tokens and rows, keep away from `bounds` and lie on both sides of each of them. */
export function policyBatch(seed: number, bounds: readonly number[]): PolicyBatch {
  for (let attempt = 0; attempt < 10_000; attempt++) {
    const batch = draw(seed * 10_000 + attempt);
    const ratios = allRatios(batch);
    const isClear = bounds.every((bound) =>
      ratios.every((ratio) => Math.abs(ratio - bound) > MARGIN) &&
      ratios.some((ratio) => ratio < bound) && ratios.some((ratio) => ratio > bound)
    );
    if (isClear) return batch;
  }
  throw new RangeError(`no batch keeps away from ${bounds}`);
}

function draw(seed: number): PolicyBatch {
  const random = seededRandom(seed);
  const uniform = (low: number, high: number) => low + (high - low) * (random(1 << 24) / (1 << 24));
  const mask = MASKS.map((row) => Array.from(row, (token) => Number(token === "1")));
  // Masked places hold what no sum survives.
  const rows = (value: (row: number, at: number) => number) =>
    mask.map((own, row) => own.map((active, at) => active ? value(row, at) : NaN));
  const drift = MASKS.map(() => uniform(-0.3, 0.3));
  const logps = rows(() => uniform(-4, -0.1));
  return {
    logps,
    oldLogps: rows((row, at) => logps[row][at] - drift[row] - uniform(-0.5, 0.5)),
    refLogps: rows((row, at) => logps[row][at] + uniform(-0.7, 0.7)),
    mask,
    advantages: [1.3, -0.8, 0.5, -1.7, 0.6],
    numItemsInBatch: 31,
    entropies: rows(() => uniform(0, 3)),
  };
}

/** Ratios of all tokens and of all rows. */
function allRatios({ logps, oldLogps, mask }: PolicyBatch): number[] {
  return mask.flatMap((own, row) => {
    const logRatios = Array.from(own).flatMap((active, at) =>
      active ? [logps[row][at] - oldLogps[row][at]] : []
    );
    if (logRatios.length === 0) return [];
    const mean = logRatios.reduce((sum, value) => sum + value, 0) / logRatios.length;
    return [...logRatios, mean].map(Math.exp);
  });
}
