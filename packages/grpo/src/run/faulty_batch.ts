/** Puts what a step was taken on beside the message that its numbers are not finite. Finds no such numbers. */
import type { Tokenizer } from "@aha/runtime/training";
import { NotFiniteError } from "../optim/not_finite.ts";
import type { Sample } from "./step_record.ts";
import { FaultyBatchError } from "./training.ts";

/** The error of a step over texts: with their tokens as samples where numbers were not finite, else as it is. */
export function withBatch(
  error: unknown,
  step: number,
  sequences: readonly { readonly ids: ArrayLike<number> }[],
  tokenizer: Tokenizer,
): unknown {
  if (!(error instanceof NotFiniteError)) return error;
  const samples = sequences.map(({ ids }): Sample => ({
    prompt: "",
    completion: tokenizer.decode(Array.from(ids)),
    reward: null,
    rewards: {},
    tokens: ids.length,
    isFinished: true,
  }));
  return new FaultyBatchError(
    `Step ${step}: ${error.message}; lower learning_rate, or look at the data`,
    step,
    samples,
    { cause: error },
  );
}
