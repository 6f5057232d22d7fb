/** One completion while it grows: its tokens, and which of them are forced. Draws nothing. */
import type { CachedSequence } from "../../kv_cache.ts";
import type { ForcedEnd, Rollout, RolloutSeed } from "./rollout_request.ts";

/** Stands for no forced id. */
export const DRAWN = -1;

/** Where it belongs and what it is drawn with. */
export interface RolloutPlace {
  readonly prompt: number;
  /** In the group. */
  readonly index: number;
  readonly seed: RolloutSeed;
  /** Holds all of the prompt but its last token. */
  readonly sequence: CachedSequence;
  readonly lastOfPrompt: number;
}

/** A completion of at most `maxTokens`. */
export class RunningRollout {
  readonly #ids: Int32Array;
  readonly #logps: Float32Array;
  #length = 0;
  #isFinished = false;
  /** The first token that is forced. */
  #forcedFrom = Infinity;

  constructor(
    readonly place: RolloutPlace,
    maxTokens: number,
    private readonly endIds: ReadonlySet<number>,
    private readonly force?: ForcedEnd,
  ) {
    this.#ids = new Int32Array(maxTokens);
    this.#logps = new Float32Array(maxTokens);
  }

  /** Tokens so far. */
  get length(): number {
    return this.#length;
  }

  /** The token that is to be fed next. */
  get newest(): number {
    return this.#length === 0 ? this.place.lastOfPrompt : this.#ids[this.#length - 1];
  }

  get hasEnded(): boolean {
    return this.#isFinished || this.#length === this.#ids.length;
  }

  get rollout(): Rollout {
    return {
      ids: this.#ids.slice(0, this.#length),
      logps: this.#logps.slice(0, this.#length),
      isFinished: this.#isFinished,
    };
  }

  push(id: number, logp: number): void {
    this.#ids[this.#length] = id;
    this.#logps[this.#length++] = logp;
    this.#isFinished = this.endIds.has(id);
  }

  /** The id that the next token must be, or `DRAWN`; to be asked once a token. */
  nextForced(): number {
    if (!this.force) return DRAWN;
    const { after, ids, closing = ids.slice(0, 1) } = this.force;
    const drawn = this.#ids.subarray(0, this.#length);
    if (this.#length === after && !contains(drawn, closing)) {
      this.#forcedFrom = after - overlap(drawn, ids);
    }
    return this.#length < this.#forcedFrom ? DRAWN : ids[this.#length - this.#forcedFrom] ?? DRAWN;
  }
}

function contains(ids: Int32Array, run: readonly number[]): boolean {
  return ids.some((_, at) => run.every((id, i) => ids[at + i] === id));
}

/** Ids of the longest beginning of `run` that `ids` end with. */
function overlap(ids: Int32Array, run: readonly number[]): number {
  let length = Math.min(ids.length, run.length);
  const isEnd = () => run.slice(0, length).every((id, i) => ids[ids.length - length + i] === id);
  while (!isEnd()) length--;
  return length;
}
