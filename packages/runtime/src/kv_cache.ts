/** The paged key/value cache: which pages a sequence owns or shares. Holds no keys itself; a backend stores the pages. */
import { MemoryError, UnsupportedError } from "./errors.ts";

/** Tokens in a page. Keys are also reduced in blocks of this size, so pages and arithmetic share their borders. */
export const PAGE_TOKENS = 32;

/** How keys and values may be stored. */
export const KV_TYPES = ["f32", "f16", "q8_0"] as const;

/**
 * How keys and values are stored: rounded once, when they are written. `q8_0` keeps 8-bit numbers with one f16 scale for
 * each 32 of a head.
 */
export type KvType = typeof KV_TYPES[number];

/** Numbers of a head that stand together, and the bytes they take. */
const BLOCKS: Readonly<Record<KvType, { readonly numbers: number; readonly bytes: number }>> = {
  f32: { numbers: 1, bytes: 4 },
  f16: { numbers: 1, bytes: 2 },
  q8_0: { numbers: 32, bytes: 34 },
};

/** Sizes of a cache: the same for every page. */
export interface KvShape {
  readonly layers: number;
  /** Tokens after its own that a token's keys are made of too, in some layer. Default 0. */
  readonly lookahead?: number;
  readonly kvHeads: number;
  readonly keySize: number;
  /** 0 where values are a part of the keys: the latents of multi-head latent attention. */
  readonly valueSize: number;
  readonly type: KvType;
}

/** Where the pages live. A page is a backend's handle, for wasm an address. */
export interface PageStore {
  allocate(): number;
  release(page: number): void;
  copy(from: number, to: number): void;
  /** Gives pages that were released, and kept for the next, back to the memory they are of. */
  trim?(): void;
  /** A copy of a page's bytes, as they are when it is asked for. */
  read(page: number): Promise<Uint8Array<ArrayBuffer>>;
  write(page: number, bytes: Uint8Array): void;
}

/**
 * Bytes of one page: all layers, all heads, keys and values of 32 tokens.
 * @throws {UnsupportedError} when heads are no whole blocks of the type
 */
export function pageBytes({ layers, kvHeads, keySize, valueSize, type }: KvShape): number {
  const { numbers, bytes } = BLOCKS[type];
  const odd = [keySize, valueSize].find((size) => size % numbers !== 0);
  if (odd !== undefined) {
    throw new UnsupportedError(
      `kvType ${type} needs heads of whole blocks of ${numbers} numbers, the model's have ${odd}: take f16`,
      type,
    );
  }
  return layers * kvHeads * (keySize + valueSize) / numbers * bytes * PAGE_TOKENS;
}

/** A sequence in the cache: `length` tokens are stored, in `pages[i]` those from `32 i` on. */
export interface CachedSequence {
  readonly pages: readonly number[];
  readonly length: number;
}

interface OwnedSequence extends CachedSequence {
  pages: number[];
  length: number;
}

/**
 * Page tables with reference counts. Invariant: a page that two sequences share is never written, and every page is
 * either counted here or released.
 */
export class KvCache {
  readonly #references = new Map<number, number>();
  readonly #sequences = new Set<CachedSequence>();

  constructor(
    readonly shape: KvShape,
    private readonly store: PageStore,
    readonly maxPages: number = Infinity,
  ) {}

  /** Pages in use. */
  get usedPages(): number {
    return this.#references.size;
  }

  /** A new empty sequence. */
  create(): CachedSequence {
    const sequence: OwnedSequence = { pages: [], length: 0 };
    this.#sequences.add(sequence);
    return sequence;
  }

  /**
   * A sequence with the first `length` tokens of another. Full pages are shared, the last partial one is copied.
   * @throws {MemoryError} when the cache may not grow by that copy; nothing has changed then
   */
  fork(from: CachedSequence, length: number = from.length): CachedSequence {
    this.#owned(from);
    if (!isCount(length) || length > from.length) {
      throw new RangeError(`Cannot fork ${length} tokens: the sequence holds ${from.length}`);
    }
    const full = Math.floor(length / PAGE_TOKENS);
    const pages = from.pages.slice(0, full);
    if (length % PAGE_TOKENS > 0) {
      this.#expectRoom(1);
      pages.push(this.#copy(from.pages[full]));
    }
    for (const page of pages.slice(0, full)) this.#references.set(page, this.#count(page) + 1);
    const sequence: OwnedSequence = { pages, length };
    this.#sequences.add(sequence);
    return sequence;
  }

  /** Pages that come back when all of these are freed: those that no other sequence holds. */
  pagesOnlyOf(sequences: readonly CachedSequence[]): number {
    const held = new Map<number, number>();
    for (const page of sequences.flatMap(({ pages }) => pages)) {
      held.set(page, (held.get(page) ?? 0) + 1);
    }
    return [...held].filter(([page, count]) => count === this.#count(page)).length;
  }

  /** Copies of the bytes of a sequence's first `count` pages. */
  readPages(from: CachedSequence, count: number): Promise<Uint8Array<ArrayBuffer>[]> {
    const pages = this.#owned(from).pages.slice(0, count);
    return Promise.all(pages.map((page) => this.store.read(page)));
  }

  /**
   * A new sequence of whole pages that were read from another, of this cache or of one of the same shape.
   * @throws {MemoryError} when the cache may not grow by them; nothing has changed then
   */
  createFrom(pages: readonly Uint8Array[]): CachedSequence {
    const sequence = this.create();
    try {
      this.extend(sequence, pages.length * PAGE_TOKENS);
    } catch (error) {
      this.free(sequence);
      throw error;
    }
    pages.forEach((bytes, i) => this.store.write(sequence.pages[i], bytes));
    return sequence;
  }

  /**
   * Makes room for `tokens` more and counts them as stored: the caller's next `attend` in every layer writes them.
   * @throws {MemoryError} when the cache may not grow; the sequence is then unchanged.
   */
  extend(sequence: CachedSequence, tokens: number): void {
    const owned = this.#owned(sequence);
    if (!isCount(tokens)) throw new RangeError(`Cannot extend a sequence by ${tokens} tokens`);
    const wanted = Math.ceil((owned.length + tokens) / PAGE_TOKENS);
    const missing = wanted - owned.pages.length;
    this.#expectRoom(missing);
    const fresh: number[] = [];
    try {
      for (let i = 0; i < missing; i++) fresh.push(this.#allocate());
    } catch (error) {
      for (const page of fresh) this.#drop(page);
      throw error;
    }
    owned.pages.push(...fresh);
    owned.length += tokens;
  }

  /**
   * Forgets all tokens from `length` on. A shared page that would be written next is replaced by a copy.
   * @throws {MemoryError} when the cache may not grow by that copy; nothing has changed then
   */
  truncate(sequence: CachedSequence, length: number): void {
    const owned = this.#owned(sequence);
    if (!isCount(length)) throw new RangeError(`Cannot cut a sequence to ${length} tokens`);
    if (length >= owned.length) return;
    const keep = Math.ceil(length / PAGE_TOKENS);
    const last = owned.pages[keep - 1];
    const dropped = owned.pages.slice(keep);
    if (length % PAGE_TOKENS > 0 && this.#count(last) > 1) {
      this.#expectRoom(1 - dropped.filter((page) => this.#count(page) === 1).length);
      owned.pages[keep - 1] = this.#copy(last);
      dropped.push(last);
    }
    owned.pages.length = keep;
    owned.length = length;
    for (const page of dropped) this.#drop(page);
  }

  /** Gives a sequence's pages back; freeing twice does nothing. */
  free(sequence: CachedSequence): void {
    if (!this.#sequences.delete(sequence)) return;
    const owned = sequence as OwnedSequence;
    owned.length = 0;
    for (const page of owned.pages.splice(0)) this.#drop(page);
  }

  /**
   * Takes memory for so many pages in all, so that none has to be taken later.
   * @throws {MemoryError} when the cache may not grow so far
   */
  reserve(pages: number): void {
    const sequence = this.create();
    try {
      this.extend(sequence, Math.max(0, pages - this.usedPages) * PAGE_TOKENS);
    } finally {
      this.free(sequence);
    }
  }

  /** Gives the memory of pages that no sequence holds back, where the backend can. */
  trim(): void {
    this.store.trim?.();
  }

  /** Frees every sequence. */
  clear(): void {
    for (const sequence of [...this.#sequences]) this.free(sequence);
  }

  #owned(sequence: CachedSequence): OwnedSequence {
    if (!this.#sequences.has(sequence)) {
      throw new TypeError(
        "The sequence does not belong to this cache: it was freed or made by another",
      );
    }
    return sequence as OwnedSequence;
  }

  /** @throws {MemoryError} when that many more pages are not allowed. */
  #expectRoom(pages: number): void {
    const needed = this.usedPages + pages;
    if (needed <= this.maxPages) return;
    const bytes = pageBytes(this.shape);
    throw new MemoryError(
      `The key/value cache is full: ${needed} pages needed, ${this.maxPages} allowed`,
      needed * bytes,
      this.maxPages * bytes,
    );
  }

  #copy(page: number): number {
    const copy = this.#allocate();
    this.store.copy(page, copy);
    return copy;
  }

  #allocate(): number {
    const page = this.store.allocate();
    this.#references.set(page, 1);
    return page;
  }

  #count(page: number): number {
    return this.#references.get(page) ?? 0;
  }

  #drop(page: number): void {
    const count = this.#count(page) - 1;
    if (count > 0) {
      this.#references.set(page, count);
    } else {
      this.#references.delete(page);
      this.store.release(page);
    }
  }
}

function isCount(value: number): boolean {
  return Number.isInteger(value) && value >= 0;
}
