/** How the losses of tokens are summed up: the weight of each token in the batch's loss. Sees no losses. */
import type { ResolvedGrpoConfig } from "../config.ts";
import type { ActiveTokens } from "./active_tokens.ts";

/**
 * The weight of each row's tokens `[B]`.
 *
 * `numItemsInBatch`: tokens of the whole round of sampling. Throws a TypeError where it is needed
 * and missing, a RangeError where it is no number of tokens.
 */
export function tokenWeights(
  { starts }: Pick<ActiveTokens, "starts">,
  config: ResolvedGrpoConfig,
  numItemsInBatch?: number,
): Float64Array {
  const rows = starts.length - 1;
  const { gradientAccumulationSteps, maxCompletionLength } = config;
  const weights = new Float64Array(rows);
  switch (config.lossType) {
    case "grpo":
    case "sapo":
      return weights.map((_, row) => {
        const length = Math.max(starts[row + 1] - starts[row], 1);
        return 1 / (length * rows * gradientAccumulationSteps);
      });
    case "bnpo":
      return weights.fill(1 / (Math.max(starts[rows], 1) * gradientAccumulationSteps));
    case "dr_grpo":
      return weights.fill(1 / (rows * maxCompletionLength * gradientAccumulationSteps));
    case "dapo":
    case "cispo":
      return weights.fill(1 / tokensOfStep(starts[rows], config, numItemsInBatch));
  }
}

/** Tokens of one step of the optimizer: its part of the round's. */
function tokensOfStep(
  ownTokens: number,
  { lossType, gradientAccumulationSteps, stepsPerGeneration }: ResolvedGrpoConfig,
  numItemsInBatch?: number,
): number {
  if (numItemsInBatch === undefined && stepsPerGeneration > 1) {
    throw new TypeError(
      `numItemsInBatch is missing: ${lossType} divides by the tokens of all ` +
        `${stepsPerGeneration} batches of a round`,
    );
  }
  const items = numItemsInBatch ?? ownTokens;
  if (!(items >= 0 && items < Infinity)) {
    throw new RangeError(`numItemsInBatch is ${items}, it must be a number of tokens`);
  }
  return Math.max(items, 1) * gradientAccumulationSteps / stepsPerGeneration;
}
