/** The token loop: prompt ids in, sampled tokens out, until an end token or a limit. Sees ids, never text. */
import { ContextFullError } from "../errors.ts";
import type { FinishReason, GenerateOptions, Timings } from "../events.ts";
import type { Draw } from "../ops.ts";
import { drawsOf, type SamplingDefaults } from "../sampler/draw_options.ts";
import type { Decoder, DrawnToken } from "./decoder.ts";
import { Clock } from "./generation_clock.ts";
import type { Scheduler } from "./scheduler.ts";
import { limitsOf } from "./generation_limits.ts";
import { chooseDrafter, type CountingDrafter } from "./speculation/choose_drafter.ts";

/** How a generation ended and what it took. */
export interface GenerationEnd {
  readonly finishReason: FinishReason;
  readonly timings: Timings;
  /** Tokens of the prompt that were in the cache already. */
  readonly cachedPromptTokens: number;
}

/** What the next draw must keep to. */
export interface Steering {
  /** The token that comes, whatever its probability. */
  readonly forced?: number;
  /** The tokens that may come: see `Draw.allowed`. */
  readonly allowed?: Uint32Array;
  /** Whether an end token may. Default true. */
  readonly mayEnd?: boolean;
}

/** What rules an answer besides its options. `tokensLeft` counts those that may still come, the next one among them. */
export interface TokenGuide {
  /** Looked at before each draw: the answer is over. */
  readonly finishReason?: FinishReason;
  /** Asked before each draw. */
  next(tokensLeft: number): Steering;
  /** Told each token but an end; false: it must not come, and what `next` says then is drawn in its place. */
  takes(id: number, tokensLeft: number): boolean;
}

/** What a generation needs besides its prompt. */
export interface Generator {
  readonly scheduler: Scheduler;
  /** Default: the scheduler's own. */
  readonly decoder?: Decoder;
  /** Tokens that end the answer; they are not part of it. */
  readonly endIds: ReadonlySet<number>;
  readonly defaults: SamplingDefaults;
  readonly guide?: TokenGuide;
}

const NO_GUIDE: TokenGuide = { next: () => ({}), takes: () => true };

/**
 * Yields tokens as they are drawn and returns how it ended; `next(true)` after a token stops. The sequence's cache pages
 * are given back in any case.
 * @throws {ContextFullError} when the prompt leaves no room for a token
 * @throws {RangeError} when an option or a token id is out of range
 */
export async function* generate(
  generator: Generator,
  promptIds: readonly number[],
  options: GenerateOptions,
): AsyncGenerator<DrawnToken, GenerationEnd, boolean | undefined> {
  const { scheduler, endIds, guide = NO_GUIDE } = generator;
  const { contextTokens } = scheduler.decoder;
  const room = contextTokens - promptIds.length;
  if (room < 1) throw new ContextFullError(promptIds.length, contextTokens);
  scheduler.decoder.checkIds(promptIds);
  const { limit, keepTokens } = limitsOf(options, room);
  const history = [...promptIds];
  const { drawNext, drafter } = drawingOf(generator, history, options);
  const { decoder } = generator;
  const running = scheduler.open({ sharesPrefixes: options.reusePrefix, decoder });
  const clock = new Clock();
  const end = (finishReason: FinishReason): GenerationEnd => ({
    finishReason,
    timings: clock.end(promptIds.length, running.reusedTokens, drafter),
    cachedPromptTokens: running.reusedTokens,
  });
  try {
    let next: readonly number[] = promptIds;
    for (;;) {
      const tokensLeft = limit - clock.generated;
      if (guide.finishReason) return end(guide.finishReason);
      if (tokensLeft === 0) return end("length");
      if (running.ids.length === contextTokens) {
        if (keepTokens === undefined) return end("length");
        scheduler.rewrite(running, slid(running.ids, keepTokens));
      }
      const draw = drawNext(guide.next(tokensLeft));
      const drawn = await scheduler.advance(running, next, draw, {
        signal: options.signal,
        onFed: options.onPromptProgress,
        drafter,
        mostDrafts: Math.min(tokensLeft - 1, contextTokens - running.ids.length - next.length),
      });
      clock.drawn();
      if (!options.ignoreEnd && endIds.has(drawn.id)) return end("stop");
      if (!guide.takes(drawn.id, tokensLeft)) {
        next = running.ids.slice(-1); // fed again, so that the other token is told with its own probability
        scheduler.rewrite(running, running.ids.slice(0, -1));
        continue;
      }
      clock.generated++;
      history.push(drawn.id);
      const isStopped = yield drawn;
      if (isStopped) return end("stop");
      next = [drawn.id];
    }
  } finally {
    scheduler.close(running);
  }
}

/**
 * The draws of one answer, and what guesses tokens ahead of them. `history` holds the prompt, and the caller appends to it.
 */
function drawingOf(
  { scheduler: { decoder }, endIds, defaults }: Generator,
  history: number[],
  options: GenerateOptions,
): { drawNext: (steering: Steering) => Draw; drafter: CountingDrafter | undefined } {
  const promptLength = history.length;
  const { vocabulary } = decoder.model.config;
  const draws = drawsOf(options, { defaults, endIds, vocabulary }, options.choice);
  const speculation = options.constraint ? "off" : options.speculation;
  const drafter = chooseDrafter(
    speculation,
    decoder.model,
    history,
    (all, ahead) => draws({ position: all.length, history: all, promptLength, ahead }),
  );
  const drawNext = ({ mayEnd, ...steering }: Steering): Draw => ({
    ...draws({ position: history.length, history, promptLength, mayEnd }),
    ...steering,
  });
  return { drawNext, drafter };
}

/** A full context made half empty: its first tokens, and the newest of the rest. */
function slid(ids: readonly number[], keepTokens: number): number[] {
  const keep = Math.min(keepTokens, ids.length - 2);
  const newest = Math.floor((ids.length - keep) / 2);
  return [...ids.slice(0, keep), ...ids.slice(ids.length - newest)];
}
