/** The sequence-wise balance loss of mixtures (DeepSeek-V3 2412.19437, equations 17 to 20). Runs no model. */
import type { Batch } from "@aha/runtime/training";

/** What a layer's router did with the rows of a batch. */
export interface RouterRows {
  /** Scores `[rows, E]`, the bias apart. */
  readonly scores: Float32Array;
  /** `[rows, K]`. */
  readonly experts: Int32Array;
  /** E. */
  readonly expertCount: number;
}

/** The loss and its gradient by the scores `[rows, E]`. */
export interface BalanceLoss {
  readonly loss: number;
  /** Its parts by sequence. */
  readonly losses: readonly number[];
  readonly gradScores: Float32Array;
}

/**
 * factor * sum over experts of f P, where f is the share of a sequence's choices that an expert got, times E, and P its mean
 * share of the scores; the sum over sequences divided by `sequences` (those of the whole step, by default of this batch).
 * Choices are the router's own, made with its bias, and have no gradient. V3's factor (alpha) is 1e-4.
 */
export function balanceLoss(
  { scores, experts, expertCount }: RouterRows,
  batch: Batch,
  factor: number,
  sequences: number = batch.segments.length,
): BalanceLoss {
  const used = experts.length / batch.rows;
  const gradScores = new Float32Array(scores.length);
  const losses = batch.segments.map(({ start, length }) => {
    let loss = 0;
    const shares = new Float64Array(expertCount);
    const weight = expertCount / (used * length);
    for (const id of experts.subarray(start * used, (start + length) * used)) shares[id] += weight;
    const part = factor / (sequences * length);
    for (let row = start; row < start + length; row++) {
      const own = scores.subarray(row * expertCount, (row + 1) * expertCount);
      const total = own.reduce((sum, score) => sum + score, 0);
      const mean = own.reduce((sum, score, i) => sum + shares[i] * score, 0) / total;
      loss += part * mean;
      own.forEach((_, i) => {
        gradScores[row * expertCount + i] = part * (shares[i] - mean) / total;
      });
    }
    return loss;
  });
  return { loss: losses.reduce((sum, loss) => sum + loss, 0), losses, gradScores };
}
