/** Drafts: guessed tokens that one step checks, and what is kept of them. Guesses and draws nothing itself. */
import type { Draw } from "../../ops.ts";
import type { DrawnToken } from "../decoder.ts";

/** Guessed tokens in order; `draws[i]` draws the token after `ids[i]`, as if all guesses up to it were right. */
export interface Drafts {
  readonly ids: readonly number[];
  readonly draws: readonly Draw[];
}

/** Guesses how one sequence goes on (speculative decoding, Leviathan et al. 2211.17192). */
export interface Drafter {
  /** At most `most` guesses, fewer or undefined where they do not pay beside the `others` rows of the step. */
  draft(most: number, others: number): Drafts | undefined;
  /** Of the `drafted` guesses last given, the first `accepted` were drawn too. */
  checked(drafted: number, accepted: number): void;
  /** Where guesses come from the model's own layer for multi-token prediction. */
  readonly guessing?: Guessing;
}

/** What the layer for multi-token prediction needs to know, and whom it tells. */
export interface Guessing {
  /** How many guesses to make for a step of `others` more rows, at most `most`. */
  wanted(most: number, others: number): number;
  /** Draws the token after the history and `ids`. */
  drawAfter(ids: readonly number[]): Draw;
  /** `guesses` may follow the history and `ids`. */
  take(ids: readonly number[], guesses: readonly number[]): void;
}

/** A token drawn before its reader has asked for it. */
export interface DrawAhead {
  /** The token before it: a draft that was right. */
  readonly after: number;
  readonly token: DrawnToken;
}

/**
 * What holds of the tokens drawn in a check, the first of them apart: a token counts where all drafts before it are what
 * was drawn. Thus every answer is the one without drafts, whatever the sampling: the same draw meets the same row.
 */
export function drawnAhead(draftIds: readonly number[], drawn: readonly DrawnToken[]): DrawAhead[] {
  const ahead: DrawAhead[] = [];
  for (const [i, after] of draftIds.entries()) {
    const token = drawn[i + 1];
    // A place without a token is left to a step of its own, which tells the error when the reader gets there.
    if (drawn[i].id !== after || token.id < 0) break;
    ahead.push({ after, token });
  }
  return ahead;
}
