/** Drafts of one answer by prompt lookup: as many as pay, each with the draw after it. Checks none. */
import type { Draw } from "../../ops.ts";
import type { DraftLength } from "./draft_length.ts";
import type { Drafter, Drafts } from "./drafts.ts";
import { PromptLookup } from "./prompt_lookup.ts";

/** Draws the token after the history, whose last `ahead` tokens are drafts. */
export type DrawAfter = (history: readonly number[], ahead: number) => Draw;

/** Counts what it has drafted. */
export class PromptDrafter implements Drafter {
  readonly #lookup = new PromptLookup();
  draftedTokens = 0;
  acceptedTokens = 0;

  /** @param history ids of the prompt and of the answer so far, which the caller appends to */
  constructor(
    private readonly history: number[],
    private readonly drawAfter: DrawAfter,
    private readonly length: DraftLength,
  ) {}

  draft(most: number, others: number): Drafts | undefined {
    const found = this.#lookup.following(this.history, most);
    if (found.length === 0) return undefined;
    const ids = found.slice(0, this.length.next(most, others));
    if (ids.length === 0) return undefined;
    const toldTokens = this.history.length;
    const draws = ids.map((id, i) => {
      this.history.push(id);
      return this.drawAfter(this.history, i + 1);
    });
    this.history.length = toldTokens;
    return { ids, draws };
  }

  checked(drafted: number, accepted: number): void {
    this.length.took(drafted, accepted);
    this.draftedTokens += drafted;
    this.acceptedTokens += accepted;
  }
}
