/** Holds an answer to a constraint: which tokens may come, where it ends, and what is forced so that it is whole. Draws nothing, sees no text. */
import type { ThinkingBudget } from "../answer/thinking_budget.ts";
import type { FinishReason, TokenConstraint } from "../events.ts";
import type { Steering, TokenGuide } from "./generate.ts";

/** What a constraint meets in an answer. */
export interface ContentForm {
  readonly constraint: TokenConstraint;
  /** V, the number of logits. */
  readonly vocabulary: number;
  readonly endIds: ReadonlySet<number>;
  /** Whether an end token may come at all. */
  readonly takesEnd: boolean;
  /** Whether the tokens so far end inside a thought. */
  readonly isThinking: () => boolean;
  /** Where the answer may begin with a thought: the tag that opens it. */
  readonly openId?: number;
  /** Ends a thought. */
  readonly budget: ThinkingBudget;
  /** The tokens that it takes for that; none where the model does not think. */
  readonly thoughtClosing: readonly number[];
}

/**
 * With more tokens left than this, nobody asks what would complete the content: such a long ending is none that a model
 * has in mind, and asking costs time with each token.
 */
const WATCHED_TOKENS = 1024;

/**
 * The guide of one answer. A thought is free, but for its end, which must come in time. Then the constraint says what may
 * come, and a token stays only if the content can be completed behind it with the tokens that are left.
 */
export class ContentGuide implements TokenGuide {
  readonly #form: ContentForm;
  /** A bit for each token of the vocabulary. */
  readonly #mask: Uint32Array;
  /** Whether the next token is the answer's first. */
  #isFirst = true;
  /** Whether what comes next is content. */
  #isContent = false;
  /** Whether it may be the tag that opens a thought. */
  #mayOpen = false;
  /** Tokens that the content lacks, as far as anybody asks. */
  #lacking = 0;
  /** Tokens that complete the content, once they are forced. */
  #forced: number[] | undefined;

  constructor(form: ContentForm) {
    this.#form = form;
    this.#mask = new Uint32Array(Math.ceil(form.vocabulary / 32));
  }

  get finishReason(): FinishReason | undefined {
    if (this.#forced) return this.#forced.length === 0 ? "length" : undefined;
    const { constraint, isThinking } = this.#form;
    return !isThinking() && constraint.isComplete ? "stop" : undefined;
  }

  next(tokensLeft: number): Steering {
    const { constraint, budget, isThinking, takesEnd, thoughtClosing } = this.#form;
    const isThought = isThinking();
    if (!this.#forced) {
      this.#lacking = this.#lackingWith(tokensLeft);
      if (!isThought && this.#lacking > 0 && this.#lacking === tokensLeft) this.#close();
    }
    const withThought = thoughtClosing.length + this.#lacking;
    const forced = this.#forced?.[0] ?? budget.next(isThought, withThought === tokensLeft);
    this.#isContent = !isThought && (this.#forced !== undefined || forced === undefined);
    if (forced !== undefined) return { forced };
    if (isThought) return { mayEnd: false };
    this.#mayOpen = this.#isFirst && withThought < tokensLeft;
    const mayEnd = takesEnd && constraint.mayEnd;
    return { allowed: this.#allowed(mayEnd), mayEnd };
  }

  takes(id: number, tokensLeft: number): boolean {
    const { constraint, openId } = this.#form;
    const opens = this.#isFirst && this.#mayOpen && id === openId;
    if (this.#isContent && !opens) {
      if (this.#forced) this.#forced.shift();
      else if (!this.#canComplete(id, tokensLeft)) {
        this.#close();
        return false;
      }
      constraint.accept(id);
    }
    this.#isFirst = false;
    return true;
  }

  /** Tokens that the content lacks, maybe behind one more; 0 where it is too early to ask. */
  #lackingWith(tokensLeft: number, after?: number): number {
    return tokensLeft > WATCHED_TOKENS ? 0 : this.#form.constraint.closing(after).length;
  }

  /** Whether a token leaves enough room for what it makes necessary; where there has been too little already it may come. */
  #canComplete(id: number, tokensLeft: number): boolean {
    return this.#lacking > tokensLeft || this.#lackingWith(tokensLeft, id) < tokensLeft;
  }

  #close(): void {
    const { constraint, vocabulary } = this.#form;
    this.#forced = [...constraint.closing()];
    for (const id of this.#forced) {
      if (Number.isInteger(id) && id >= 0 && id < vocabulary) continue;
      throw new RangeError(
        `The constraint closes with the token id ${id}, which is outside the vocabulary of ${vocabulary}`,
      );
    }
  }

  /** What the constraint allows, with the tokens that it does not know of. */
  #allowed(mayEnd: boolean): Uint32Array {
    const { constraint, endIds, openId } = this.#form;
    const mask = this.#mask;
    const allowed = constraint.allowed();
    if (!allowed) mask.fill(0xffffffff);
    else if (allowed instanceof Uint32Array && allowed.length <= mask.length) {
      mask.set(allowed);
      mask.fill(0, allowed.length);
    } else {
      throw new RangeError(
        `The constraint allows tokens by ${allowed.length} words, ${mask.length} of a Uint32Array hold the vocabulary`,
      );
    }
    if (openId !== undefined) setBit(mask, openId, this.#mayOpen);
    if (mayEnd) { for (const id of endIds) setBit(mask, id, true); }
    return mask;
  }
}

/** Words outside of the mask are left alone. */
function setBit(mask: Uint32Array, id: number, value: boolean): void {
  const bit = 1 << (id & 31);
  if (value) mask[id >>> 5] |= bit;
  else mask[id >>> 5] &= ~bit;
}
