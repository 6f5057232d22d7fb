/** The prompts of running groups: each is fed once, in parts, and every completion of its group forks it. Runs no step. */
import type { CachedSequence, KvCache } from "../../kv_cache.ts";

/** A prompt without its last token, which each completion feeds itself. */
interface Stem {
  readonly prompt: number;
  readonly ids: Int32Array;
  readonly sequence: CachedSequence;
}

/** The next tokens of a stem. */
export interface StemPart {
  readonly sequence: CachedSequence;
  readonly ids: Int32Array;
  readonly firstPosition: number;
}

/** Stems by their prompt, in the order in which they are fed. */
export class PromptStems {
  readonly #stems = new Map<number, Stem>();

  constructor(
    private readonly cache: KvCache,
    private readonly prompts: readonly ArrayLike<number>[],
  ) {}

  /** Has a prompt fed from the next step on, if it is not already. */
  want(prompt: number): void {
    if (this.#stems.has(prompt)) return;
    const ids = Int32Array.from(this.prompts[prompt]).subarray(0, -1);
    this.#stems.set(prompt, { prompt, ids, sequence: this.cache.create() });
  }

  /** A sequence that holds the prompt, or undefined where that has still to be fed. */
  fork(prompt: number): CachedSequence | undefined {
    const stem = this.#stems.get(prompt);
    return stem && missing(stem) === 0 ? this.cache.fork(stem.sequence) : undefined;
  }

  /** No further completion of this prompt comes. */
  drop(prompt: number): void {
    const stem = this.#stems.get(prompt);
    if (stem) this.cache.free(stem.sequence);
    this.#stems.delete(prompt);
  }

  /** The next tokens of those that have still to be fed, at most so many rows; the cache has room for them then. */
  takeParts(rows: number): StemPart[] {
    const parts: StemPart[] = [];
    for (const stem of this.#stems.values()) {
      const count = Math.min(rows, missing(stem));
      if (count === 0) continue;
      const { sequence } = stem;
      const firstPosition = sequence.length;
      this.cache.extend(sequence, count);
      parts.push({
        ...{ sequence, firstPosition },
        ids: stem.ids.subarray(firstPosition, firstPosition + count),
      });
      rows -= count;
    }
    return parts;
  }
}

function missing({ ids, sequence }: Stem): number {
  return ids.length - sequence.length;
}
