/** Drafts of one answer by the model's own layer for multi-token prediction: as many as pay. Runs no layer, checks none. */
import type { Draw } from "../../ops.ts";
import type { DraftLength } from "./draft_length.ts";
import type { Drafter, Drafts, Guessing } from "./drafts.ts";
import type { DrawAfter } from "./prompt_drafter.ts";

/** Counts what it has drafted. */
export class MultiTokenDrafter implements Drafter, Guessing {
  /** Guesses, and the length of the history that they follow. */
  #known: { readonly after: number; readonly ids: readonly number[] } = { after: -1, ids: [] };
  draftedTokens = 0;
  acceptedTokens = 0;

  /**
   * @param history ids of the prompt and of the answer so far, which the caller appends to
   */
  constructor(
    private readonly history: number[],
    private readonly drawsAfter: DrawAfter,
    private readonly length: DraftLength,
  ) {}

  /** Here guesses are told. */
  get guessing(): Guessing {
    return this;
  }

  wanted(most: number, others: number): number {
    return this.length.next(most, others);
  }

  drawAfter(ids: readonly number[]): Draw {
    const toldTokens = this.history.length;
    this.history.push(...ids);
    const draw = this.drawsAfter(this.history, ids.length);
    this.history.length = toldTokens;
    return draw;
  }

  take(ids: readonly number[], guesses: readonly number[]): void {
    this.#known = { after: this.history.length + ids.length, ids: guesses };
  }

  /** What was guessed, if it follows what has come since. */
  draft(most: number): Drafts | undefined {
    const { after, ids: known } = this.#known;
    const ids = after === this.history.length ? known.slice(0, most) : [];
    if (ids.length === 0) return undefined;
    return { ids, draws: ids.map((_, i) => this.drawAfter(ids.slice(0, i + 1))) };
  }

  checked(drafted: number, accepted: number): void {
    this.length.took(drafted, accepted);
    this.draftedTokens += drafted;
    this.acceptedTokens += accepted;
  }
}
