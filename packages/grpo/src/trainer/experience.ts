/** What a round has sampled and how good it is: the completions with all that their loss needs. Samples and trains nothing. */
import type { CountedSequence } from "../policy/counted_sequence.ts";
import type { Question } from "./questions.ts";

/** A completion with its advantage. */
export interface Experience {
  readonly question: Question;
  /** Of the completion alone. */
  readonly ids: Int32Array;
  /** log-softmax(logits / temperature) of them, as they were sampled. */
  readonly oldLogps: Float32Array;
  /** The same under the reference, where there is one. */
  readonly refLogps?: Float32Array;
  readonly isFinished: boolean;
  readonly advantage: number;
  /** Whether its tokens count. */
  readonly counts: boolean;
}

/** Prompt and completion as training reads them. */
export function sequenceOf(
  { question, ids }: Pick<Experience, "question" | "ids">,
): CountedSequence {
  const all = [...question.ids, ...ids];
  const mask = new Uint8Array(all.length).fill(1, question.ids.length);
  return { ids: all, mask, promptTokens: question.ids.length };
}

/** 1 for each token of a completion, or 0 where it does not count. */
export function maskOf({ ids, counts }: Experience): Uint8Array {
  return new Uint8Array(ids.length).fill(counts ? 1 : 0);
}
