/** The token loop: prompt ids in, sampled tokens out, until an end token or a limit. Sees ids, never text. */
import type { Decoder } from "./decoder.ts";
import type { FinishReason, GenerateOptions, Timings } from "./events.ts";
import { ContextFullError } from "./errors.ts";
import type { KvCache } from "./kv_cache.ts";
import { drawsOf, type SamplingDefaults } from "./sampler/draw_options.ts";
import { yieldToHost } from "./yield_to_host.ts";

/** A sampled token. */
export interface GeneratedToken {
  readonly id: number;
  /** log-softmax of the raw logits at `id`. */
  readonly logprob: number;
}

/** How a generation ended and what it took. */
export interface GenerationEnd {
  readonly finishReason: FinishReason;
  readonly timings: Timings;
}

/** What a generation needs besides its prompt. */
export interface Generator {
  readonly decoder: Decoder;
  readonly cache: KvCache;
  /** Tokens that end the answer; they are not part of it. */
  readonly endIds: ReadonlySet<number>;
  readonly defaults: SamplingDefaults;
  /** Asked before each draw: the token that must come next, if any. */
  readonly forcedNext?: () => number | undefined;
}

/**
 * Yields tokens as they are drawn and returns how it ended; `next(true)` after a token stops. The sequence's cache pages are freed in any case.
 * @throws {ContextFullError} when the prompt leaves no room for a token
 * @throws {RangeError} when an option or a token id is out of range
 */
export async function* generate(
  { decoder, cache, endIds, defaults, forcedNext }: Generator,
  promptIds: readonly number[],
  options: GenerateOptions,
): AsyncGenerator<GeneratedToken, GenerationEnd, boolean | undefined> {
  const room = decoder.contextTokens - promptIds.length;
  if (room < 1) throw new ContextFullError(promptIds.length, decoder.contextTokens);
  decoder.checkIds(promptIds);
  const limit = Math.min(maxTokensOf(options, room), room);
  const drawAt = drawsOf(options, defaults);
  const minTokens = minTokensOf(options);
  const ends = Array.from(endIds).filter((id) => id < decoder.model.config.vocabulary);
  const sequence = cache.create();
  const clock = new Clock(promptIds.length);
  try {
    let next: ArrayLike<number> = promptIds;
    while (clock.generated < limit) {
      const excluded = clock.generated < minTokens ? ends : [];
      const position = sequence.length + next.length;
      const draw = { ...drawAt(position), forced: forcedNext?.(), excluded };
      const drawn = await decoder.extend(cache, sequence, next, draw, options.signal);
      const id = drawn.ids[0];
      clock.drawn();
      if (!options.ignoreEnd && endIds.has(id)) {
        return { finishReason: "stop", timings: clock.end() };
      }
      clock.generated++;
      const isStopped = yield { id, logprob: drawn.logprobs[0] };
      if (isStopped) return { finishReason: "stop", timings: clock.end() };
      await yieldToHost(options.signal);
      next = [id];
    }
    return { finishReason: "length", timings: clock.end() };
  } finally {
    cache.free(sequence);
  }
}

function maxTokensOf({ maxTokens }: GenerateOptions, room: number): number {
  if (maxTokens === undefined) return room;
  if (maxTokens >= 0 && (Number.isInteger(maxTokens) || maxTokens === Infinity)) return maxTokens;
  throw new RangeError(`maxTokens is ${maxTokens}, it must be a whole number of at least 0`);
}

function minTokensOf({ minTokens = 0 }: GenerateOptions): number {
  if (minTokens >= 0 && Number.isInteger(minTokens)) return minTokens;
  throw new RangeError(`minTokens is ${minTokens}, it must be a whole number of at least 0`);
}

/** Times a generation: the prompt until the first draw, then the rest. Without any draw all times and rates are 0. */
class Clock {
  readonly #start = performance.now();
  #first: number | undefined;
  #draws = 0;
  /** Tokens of the answer; the end token is drawn and not counted here. */
  generated = 0;

  constructor(private readonly promptTokens: number) {}

  drawn(): void {
    this.#first ??= performance.now();
    this.#draws++;
  }

  end(): Timings {
    const firstMs = (this.#first ?? this.#start) - this.#start;
    const restMs = performance.now() - (this.#first ?? this.#start);
    return {
      promptTokens: this.promptTokens,
      promptTokensPerSecond: perSecond(this.promptTokens, firstMs),
      timeToFirstTokenMs: firstMs,
      generatedTokens: this.generated,
      // The first draw comes with the prompt, so it is not counted here.
      tokensPerSecond: perSecond(Math.max(0, this.#draws - 1), restMs),
    };
  }
}

/** 0 where the clock is too coarse to tell: JSON knows no infinity. */
function perSecond(count: number, ms: number): number {
  return ms > 0 ? count / (ms / 1000) : 0;
}
