/** The token loop: prompt ids in, sampled tokens out, until an end token or a limit. Sees ids, never text. */
import { ContextFullError } from "../errors.ts";
import type { FinishReason, GenerateOptions, Timings } from "../events.ts";
import { drawsOf, type SamplingDefaults } from "../sampler/draw_options.ts";
import type { DrawnToken } from "./decoder.ts";
import { Clock } from "./generation_clock.ts";
import type { Scheduler } from "./scheduler.ts";
import { limitsOf } from "./generation_limits.ts";
import { chooseDrafter } from "./speculation/choose_drafter.ts";

/** How a generation ended and what it took. */
export interface GenerationEnd {
  readonly finishReason: FinishReason;
  readonly timings: Timings;
  /** Tokens of the prompt that were in the cache already. */
  readonly cachedPromptTokens: number;
}

/** What a generation needs besides its prompt. */
export interface Generator {
  readonly scheduler: Scheduler;
  /** Tokens that end the answer; they are not part of it. */
  readonly endIds: ReadonlySet<number>;
  readonly defaults: SamplingDefaults;
  /** Asked before each draw: the token that must come next, if any. */
  readonly forcedNext?: () => number | undefined;
}

/**
 * Yields tokens as they are drawn and returns how it ended; `next(true)` after a token stops. The sequence's cache pages
 * are given back in any case.
 * @throws {ContextFullError} when the prompt leaves no room for a token
 * @throws {RangeError} when an option or a token id is out of range
 */
export async function* generate(
  { scheduler, endIds, defaults, forcedNext }: Generator,
  promptIds: readonly number[],
  options: GenerateOptions,
): AsyncGenerator<DrawnToken, GenerationEnd, boolean | undefined> {
  const { decoder } = scheduler;
  const { contextTokens } = decoder;
  const room = contextTokens - promptIds.length;
  if (room < 1) throw new ContextFullError(promptIds.length, contextTokens);
  decoder.checkIds(promptIds);
  const { limit, keepTokens } = limitsOf(options, room);
  const { vocabulary } = decoder.model.config;
  const draws = drawsOf(options, { defaults, endIds, vocabulary }, options.choice);
  const history = [...promptIds];
  const drafter = chooseDrafter(
    options.speculation,
    decoder.model,
    history,
    (all, ahead) =>
      draws({ position: all.length, history: all, promptLength: promptIds.length, ahead }),
  );
  const running = scheduler.open({ sharesPrefixes: options.reusePrefix });
  const clock = new Clock();
  const end = (finishReason: FinishReason): GenerationEnd => ({
    finishReason,
    timings: clock.end(promptIds.length, running.reusedTokens, drafter),
    cachedPromptTokens: running.reusedTokens,
  });
  try {
    let next: readonly number[] = promptIds;
    while (clock.generated < limit) {
      if (running.ids.length === contextTokens) {
        if (keepTokens === undefined) break;
        scheduler.rewrite(running, slid(running.ids, keepTokens));
      }
      const state = { position: history.length, history, promptLength: promptIds.length };
      const draw = { ...draws(state), forced: forcedNext?.() };
      const drawn = await scheduler.advance(running, next, draw, {
        signal: options.signal,
        onFed: options.onPromptProgress,
        drafter,
        mostDrafts: Math.min(
          limit - clock.generated - 1,
          contextTokens - running.ids.length - next.length,
        ),
      });
      clock.drawn();
      if (!options.ignoreEnd && endIds.has(drawn.id)) return end("stop");
      clock.generated++;
      history.push(drawn.id);
      const isStopped = yield drawn;
      if (isStopped) return end("stop");
      next = [drawn.id];
    }
    return end("length");
  } finally {
    scheduler.close(running);
  }
}

/** A full context made half empty: its first tokens, and the newest of the rest. */
function slid(ids: readonly number[], keepTokens: number): number[] {
  const keep = Math.min(keepTokens, ids.length - 2);
  const newest = Math.floor((ids.length - keep) / 2);
  return [...ids.slice(0, keep), ...ids.slice(ids.length - newest)];
}
