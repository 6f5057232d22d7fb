/** Times one generation: the prompt until the first draw, then the rest. Knows no tokens, only how many. */
import type { Timings } from "../events.ts";

type DraftCounts = Pick<Timings, "draftedTokens" | "acceptedTokens">;
const NO_DRAFTS: DraftCounts = { draftedTokens: 0, acceptedTokens: 0 };

/** Runs from when it is made. Without any draw all times and rates are 0. */
export class Clock {
  readonly #start = performance.now();
  #first: number | undefined;
  #draws = 0;
  /** Tokens of the answer; the end token is drawn and not counted here. */
  generated = 0;

  drawn(): void {
    this.#first ??= performance.now();
    this.#draws++;
  }

  /** Prompt tokens that the cache held are not counted in its rate. */
  end(
    promptTokens: number,
    cachedTokens: number,
    { draftedTokens, acceptedTokens }: DraftCounts = NO_DRAFTS,
  ): Timings {
    const firstMs = (this.#first ?? this.#start) - this.#start;
    const restMs = performance.now() - (this.#first ?? this.#start);
    return {
      promptTokens,
      promptTokensPerSecond: perSecond(promptTokens - cachedTokens, firstMs),
      timeToFirstTokenMs: firstMs,
      generatedTokens: this.generated,
      // The first draw comes with the prompt, so it is not counted here.
      tokensPerSecond: perSecond(Math.max(0, this.#draws - 1), restMs),
      draftedTokens,
      acceptedTokens,
    };
  }
}

/** 0 where the clock is too coarse to tell: JSON knows no infinity. */
function perSecond(count: number, ms: number): number {
  return ms > 0 ? count / (ms / 1000) : 0;
}
