/** Keeps finished sequences, so that a prompt which begins like one of them is not fed again. Feeds nothing itself. */
import type { Decoder } from "./decoder.ts";
import { type CachedSequence, type KvCache, PAGE_TOKENS } from "../kv_cache.ts";

/** Fewer shared tokens than this are fed again: that costs less than a copy of their page. */
export const MIN_SHARED_TOKENS = 8;
/** Sequences that are looked through for each new prompt. */
const MOST_KEPT = 64;

interface Kept {
  readonly ids: readonly number[];
  readonly decoder?: Decoder;
  readonly sequence: CachedSequence;
}

/**
 * Sequences by their tokens, the least recently used first. What was made with some adapters is given to requests of the
 * same ones alone: each set of them has a decoder of its own.
 */
export class PrefixCache {
  #kept: Kept[] = [];

  constructor(private readonly cache: KvCache) {}

  /** Sequences that are kept. */
  get size(): number {
    return this.#kept.length;
  }

  /** Pages that they hold, each counted once. */
  get pages(): number {
    return new Set(this.#kept.flatMap(({ sequence }) => sequence.pages)).size;
  }

  /** Takes over a sequence that holds `ids`, and gives up those that it contains. */
  keep(sequence: CachedSequence, ids: readonly number[], decoder?: Decoder): void {
    const own: Kept = { ids, sequence, decoder };
    const isInside = (one: Kept, other: Kept) =>
      one.decoder === other.decoder && one.ids.length <= other.ids.length &&
      sharedLength(one.ids, other.ids) === one.ids.length;
    if (this.#kept.some((kept) => isInside(own, kept))) return this.cache.free(sequence);
    for (const kept of this.#kept) if (isInside(kept, own)) this.cache.free(kept.sequence);
    this.#kept = this.#kept.filter((kept) => !isInside(kept, own));
    this.#kept.push(own);
    if (this.#kept.length > MOST_KEPT) this.evict();
  }

  /** Gives up a sequence, if it is kept. */
  drop(sequence: CachedSequence): void {
    const at = this.#kept.findIndex((kept) => kept.sequence === sequence);
    if (at < 0) return;
    this.#kept.splice(at, 1);
    this.cache.free(sequence);
  }

  /** How many of the first tokens of `ids` some sequence can give. */
  sharedTokens(ids: readonly number[], decoder?: Decoder): number {
    return Math.max(0, ...this.#kept.map((kept) => this.#shared(kept, ids, decoder)));
  }

  /**
   * A sequence of the caller's own with the longest known beginning of `ids`. Without room for the copy of a page the
   * kept sequence itself is handed over, cut to whole pages.
   */
  claim(ids: readonly number[], hasRoom: boolean, decoder?: Decoder): CachedSequence | undefined {
    const shared = this.sharedTokens(ids, decoder);
    const at = this.#kept.findIndex((kept) => this.#shared(kept, ids, decoder) === shared);
    if (at < 0 || shared < MIN_SHARED_TOKENS) return undefined;
    const [kept] = this.#kept.splice(at, 1);
    if (hasRoom) {
      this.#kept.push(kept);
      return this.cache.fork(kept.sequence, shared);
    }
    this.cache.truncate(kept.sequence, Math.floor(shared / PAGE_TOKENS) * PAGE_TOKENS);
    return kept.sequence;
  }

  /**
   * Keeps a copy of pages that hold `ids`, whole pages only and as many as have room; others make way, but only if that
   * gains tokens. Gives how many tokens of `ids` are held now.
   */
  adopt(ids: readonly number[], pages: readonly Uint8Array[], decoder?: Decoder): number {
    const own = this.#kept.filter((kept) => kept.decoder === decoder);
    const held = Math.max(0, ...own.map((kept) => sharedLength(kept.ids, ids)));
    const free = () => this.cache.maxPages - this.cache.usedPages;
    const evictable = this.cache.pagesOnlyOf(this.#kept.map(({ sequence }) => sequence));
    const count = Math.min(pages.length, Math.max(0, free() + evictable));
    if (held >= count * PAGE_TOKENS) return held;
    while (free() < count && this.evict());
    const fitting = pages.slice(0, count);
    const tokens = fitting.length * PAGE_TOKENS;
    this.keep(this.cache.createFrom(fitting), ids.slice(0, tokens), decoder);
    return tokens;
  }

  #shared(kept: Kept, ids: readonly number[], decoder?: Decoder): number {
    return kept.decoder === decoder ? shareable(kept.ids, ids, this.cache) : 0;
  }

  /** Gives up the sequence that was not used for the longest time; false when there is none. */
  evict(): boolean {
    const oldest = this.#kept.shift();
    if (oldest) this.cache.free(oldest.sequence);
    return oldest !== undefined;
  }
}

/** How many tokens two sequences have in common at their beginning. */
export function sharedLength(one: readonly number[], other: readonly number[]): number {
  const most = Math.min(one.length, other.length);
  let length = 0;
  while (length < most && one[length] === other[length]) length++;
  return length;
}

/**
 * How much of a prompt another sequence can give: all but the last token at most, which has to be fed, and but for tokens
 * whose keys are made of later ones too that the two do not share.
 */
export function shareable(
  held: readonly number[],
  ids: readonly number[],
  { shape: { lookahead = 0 } }: Pick<KvCache, "shape">,
): number {
  return Math.max(0, Math.min(sharedLength(held, ids) - lookahead, ids.length - 1));
}
