/** A sequence in the making: the tokens it is to hold, what the cache holds of them, the draw it waits for. Decides nothing. */
import type { CachedSequence } from "../kv_cache.ts";
import type { Draw } from "../ops.ts";
import type { Decoder, DrawnToken } from "./decoder.ts";
import type { Drafter, DrawAhead } from "./speculation/drafts.ts";

/** What a reader may ask for besides a draw. */
export interface WishOptions {
  readonly signal?: AbortSignal;
  /** Called after each step that fed a part of several tokens: how many of all the cache holds now. */
  readonly onFed?: (doneTokens: number, totalTokens: number) => void;
  /**
   * Called after each step: the states `[tokens, C]` of what it fed, from position `start` on. What is fed again, because
   * its pages were taken away, is told again.
   */
  readonly onStates?: (states: Float32Array, start: number) => void;
  /** Guesses what follows, to be checked in the same step, and how much of it at most. */
  readonly drafter?: Drafter;
  readonly mostDrafts?: number;
}

/** A draw that somebody waits for, or only that all is fed. */
export interface Wish {
  readonly draw: Draw | undefined;
  readonly options: WishOptions;
  /** With the token, or nothing where none was to be drawn. */
  readonly resolve: (drawn: readonly DrawnToken[]) => void;
  readonly reject: (reason: unknown) => void;
}

/** What the scheduler knows of one sequence. */
export class RunningSequence {
  /** All tokens so far; those beyond `stored` are fed before the next draw. */
  readonly ids: number[] = [];
  /** Where the cache holds the first tokens; undefined before the first step, and after its pages were taken away. */
  sequence: CachedSequence | undefined;
  /** What is waited for; undefined while the reader is busy. */
  wish: Wish | undefined;
  /** Prompt tokens that were found in the cache at the first step. */
  reusedTokens = 0;
  hasStepped = false;
  /** Among those that decode the lowest comes next. */
  turn = 0;
  /** False once a check came out not finite: whatever a wrong guess did then must not happen again. */
  takesDrafts = true;
  /** Tokens drawn ahead of the reader, in order. While there are any, the cache may hold more than `ids`. */
  ahead: readonly DrawAhead[] = [];

  /**
   * @param decoder what its steps run on: one with its own adapters
   * @param sharesPrefixes whether it may begin with another's tokens, and others with its own
   */
  constructor(readonly decoder: Decoder, readonly sharesPrefixes: boolean) {}

  /** The next token if it has been drawn already: by the same draw, after the same ids. */
  takeAhead(ids: readonly number[], { forced }: Draw): DrawnToken | undefined {
    const [next, ...rest] = this.ahead;
    if (!next || ids.length !== 1 || ids[0] !== next.after) return undefined;
    if (forced !== undefined && forced !== next.token.id) return undefined;
    this.ahead = rest;
    this.ids.push(next.after);
    return next.token;
  }

  /** Tokens in the cache. */
  get stored(): number {
    return this.sequence?.length ?? 0;
  }

  /** Tokens that are to be fed. */
  get missing(): number {
    return this.ids.length - this.stored;
  }
}
