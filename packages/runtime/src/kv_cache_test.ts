/** Tests of the page table: counts, forks, cuts, limits, and long random runs against a model that copies everything. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { seededRandom } from "../../../tests/support/seeded_random.ts";
import { MemoryError, UnsupportedError } from "./errors.ts";
import { type CachedSequence, KvCache, type KvShape, PAGE_TOKENS, pageBytes } from "./kv_cache.ts";

const SHAPE: KvShape = { layers: 3, kvHeads: 2, keySize: 8, valueSize: 4, type: "f32" };

/** Pages whose content can be looked at; releasing or copying a page that is not there fails. */
class Pages {
  readonly content = new Map<number, unknown[]>();
  #next = 1;

  constructor(public limit = Infinity) {}

  allocate(): number {
    if (this.content.size >= this.limit) throw new RangeError("no page left");
    this.content.set(this.#next, new Array(PAGE_TOKENS).fill(undefined));
    return this.#next++;
  }

  release(page: number): void {
    assert(this.content.delete(page), `page ${page} is released twice`);
  }

  read(page: number): Promise<Uint8Array<ArrayBuffer>> {
    return Promise.resolve(new TextEncoder().encode(JSON.stringify(this.content.get(page))));
  }

  write(page: number, bytes: Uint8Array): void {
    this.content.set(page, JSON.parse(new TextDecoder().decode(bytes)));
  }

  copy(from: number, to: number): void {
    this.content.set(to, [...this.content.get(from)!]);
  }
}

/** Writes tokens as `attend` does: only behind what is stored, into pages of the sequence. */
function write(pages: Pages, cache: KvCache, sequence: CachedSequence, tokens: unknown[]): void {
  const start = sequence.length;
  cache.extend(sequence, tokens.length);
  tokens.forEach((token, i) => {
    const at = start + i;
    const page = sequence.pages[Math.floor(at / PAGE_TOKENS)];
    pages.content.get(page)![at % PAGE_TOKENS] = token;
  });
}

function read(pages: Pages, { pages: list, length }: CachedSequence): unknown[] {
  assertEquals(list.length, Math.ceil(length / PAGE_TOKENS));
  return list.flatMap((page) => pages.content.get(page)!).slice(0, length);
}

function numbers(count: number, from = 0): number[] {
  return Array.from({ length: count }, (_, i) => from + i);
}

Deno.test("pageBytes: layers, heads, keys and values of 32 tokens", () => {
  assertEquals(pageBytes(SHAPE), 3 * 2 * (8 + 4) * 32 * 4);
  assertEquals(pageBytes({ ...SHAPE, type: "f16" }), 3 * 2 * (8 + 4) * 32 * 2);
  const whole = { ...SHAPE, keySize: 64, valueSize: 32, type: "q8_0" } as const;
  assertEquals(pageBytes(whole), 3 * 2 * (64 + 32) / 32 * 34 * 32);
  assertThrows(
    () => pageBytes({ ...whole, valueSize: 36 }),
    UnsupportedError,
    "kvType q8_0 needs heads of whole blocks of 32 numbers, the model's have 36: take f16",
  );
});

Deno.test("pageBytes: latents are keys alone", () => {
  const latents = { layers: 27, kvHeads: 1, keySize: 576, valueSize: 0 };
  assertEquals(pageBytes({ ...latents, type: "f16" }), 27 * 576 * 2 * 32);
  assertEquals(pageBytes({ ...latents, type: "q8_0" }), 27 * 18 * 34 * 32);
  assertThrows(
    () => pageBytes({ ...latents, keySize: 560, type: "q8_0" }),
    UnsupportedError,
    "560",
  );
});

Deno.test("KvCache: a sequence takes a page for each 32 tokens begun", () => {
  const pages = new Pages();
  const cache = new KvCache(SHAPE, pages);
  const sequence = cache.create();
  const counts: number[] = [];
  for (const tokens of [0, 1, 31, 1, 31, 64, 1]) {
    cache.extend(sequence, tokens);
    counts.push(cache.usedPages);
  }
  assertEquals(counts, [0, 1, 1, 2, 2, 4, 5]);
  cache.free(sequence);
  cache.free(sequence);
  assertEquals([cache.usedPages, pages.content.size, sequence.length], [0, 0, 0]);
});

Deno.test("KvCache: a fork inside a page copies it, one on a border copies nothing", () => {
  for (const [length, copied] of [[64, 0], [40, 1], [32, 0], [1, 1], [0, 0]]) {
    const pages = new Pages();
    const cache = new KvCache(SHAPE, pages);
    const parent = cache.create();
    write(pages, cache, parent, numbers(70));
    const child = cache.fork(parent, length);
    assertEquals(cache.usedPages, 3 + copied, `${length}`);
    assertEquals(child.pages.slice(0, length >> 5), parent.pages.slice(0, length >> 5));
    write(pages, cache, child, numbers(50, 1000));
    write(pages, cache, parent, numbers(50, 2000));
    assertEquals(read(pages, child), [...numbers(length), ...numbers(50, 1000)]);
    assertEquals(read(pages, parent), [...numbers(70), ...numbers(50, 2000)]);
    cache.free(parent);
    assertEquals(read(pages, child), [...numbers(length), ...numbers(50, 1000)]);
    cache.free(child);
    assertEquals(pages.content.size, 0);
  }
});

Deno.test("KvCache: cutting into a shared page copies it, cutting an own page does not", () => {
  const pages = new Pages();
  const cache = new KvCache(SHAPE, pages);
  const parent = cache.create();
  write(pages, cache, parent, numbers(64));
  const child = cache.fork(parent);
  assertEquals(cache.usedPages, 2);
  cache.truncate(child, 40);
  assertEquals([cache.usedPages, child.length], [3, 40]);
  write(pages, cache, child, numbers(30, 500));
  assertEquals(read(pages, parent), numbers(64));
  assertEquals(read(pages, child), [...numbers(40), ...numbers(30, 500)]);
  const own = child.pages[1];
  cache.truncate(child, 33);
  assertEquals(child.pages[1], own);
  cache.truncate(child, 32);
  cache.truncate(child, 50);
  assertEquals([child.length, cache.usedPages], [32, 2]);
  cache.clear();
  assertEquals(pages.content.size, 0);
});

Deno.test("KvCache.createFrom: holds what was read from another, or nothing where it has no room", async () => {
  const pages = new Pages();
  const cache = new KvCache(SHAPE, pages, 6);
  const one = cache.create();
  write(pages, cache, one, numbers(70));
  const two = cache.createFrom(await cache.readPages(one, 2));
  assertEquals(read(pages, two), numbers(64));
  write(pages, cache, two, numbers(5, 900));
  assertEquals([cache.usedPages, read(pages, one)], [6, numbers(70)]);
  const first = await cache.readPages(one, 1);
  refused(pages, cache, [one, two], () => cache.createFrom(first));
});

/** Runs what must fail for want of pages, and checks that nothing has changed. */
function refused(pages: Pages, cache: KvCache, all: CachedSequence[], run: () => unknown): Error {
  const state = () => [cache.usedPages, [...pages.content], all.map(({ length }) => length)];
  const before = JSON.stringify([state(), all.map((sequence) => sequence.pages)]);
  const error = assertThrows(run);
  assertEquals(JSON.stringify([state(), all.map((sequence) => sequence.pages)]), before);
  return error;
}

Deno.test("KvCache: beyond maxPages nothing changes, and the error has both numbers", () => {
  const pages = new Pages();
  const cache = new KvCache(SHAPE, pages, 3);
  const parent = cache.create();
  write(pages, cache, parent, numbers(90));
  const child = cache.fork(parent, 64);
  const all = [parent, child];
  for (const run of [() => cache.extend(child, 1), () => cache.extend(parent, 7)]) {
    const error = refused(pages, cache, all, run);
    assert(error instanceof MemoryError);
    assertEquals(error.message, "The key/value cache is full: 4 pages needed, 3 allowed");
    assertEquals([error.neededBytes, error.limitBytes], [
      4 * pageBytes(SHAPE),
      3 * pageBytes(SHAPE),
    ]);
  }
  assert(refused(pages, cache, all, () => cache.fork(parent, 65)) instanceof MemoryError);
  assert(refused(pages, cache, all, () => cache.truncate(child, 33)) instanceof MemoryError);
  cache.extend(parent, 6);
  // the cut gives a page of its own back, so that the copy of the shared one fits
  cache.truncate(parent, 40);
  assertEquals([cache.usedPages, parent.length], [3, 40]);
  assertEquals(read(pages, child), numbers(64));
});

Deno.test("KvCache: when the store itself fails, nothing changes", () => {
  const pages = new Pages(3);
  const cache = new KvCache(SHAPE, pages);
  const parent = cache.create();
  write(pages, cache, parent, numbers(64));
  const child = cache.fork(parent);
  const all = [parent, child];
  refused(pages, cache, all, () => cache.extend(child, 2 * PAGE_TOKENS));
  pages.limit = 2;
  refused(pages, cache, all, () => cache.truncate(child, 40));
  refused(pages, cache, all, () => cache.fork(parent, 40));
  cache.clear();
  assertEquals(pages.content.size, 0);
});

Deno.test("KvCache: what makes no sense is refused", () => {
  const cache = new KvCache(SHAPE, new Pages());
  const sequence = cache.create();
  cache.extend(sequence, 10);
  for (const wrong of [-1, 0.5, NaN, 11]) {
    assertThrows(() => cache.fork(sequence, wrong), RangeError, `fork ${wrong}`);
    if (wrong === 11) continue;
    assertThrows(() => cache.extend(sequence, wrong), RangeError, `${wrong}`);
    assertThrows(() => cache.truncate(sequence, wrong), RangeError, `${wrong}`);
  }
  const stranger = new KvCache(SHAPE, new Pages()).create();
  cache.free(sequence);
  for (const gone of [sequence, stranger]) {
    assertThrows(() => cache.extend(gone, 1), TypeError, "does not belong to this cache");
    assertThrows(() => cache.fork(gone), TypeError, "does not belong");
    assertThrows(() => cache.truncate(gone, 0), TypeError, "does not belong");
  }
});

/** Random operations; beside each sequence a plain list of what it must hold. */
function randomRun(seed: number, maxPages: number): number {
  const random = seededRandom(seed);
  const pages = new Pages();
  const cache = new KvCache(SHAPE, pages, maxPages);
  const held = new Map<CachedSequence, unknown[]>();
  let refusals = 0;
  for (let step = 0; step < 400; step++) {
    const all = [...held.keys()];
    const one = all[random(Math.max(1, all.length))];
    const kind = one ? random(10) : 0;
    try {
      if (kind === 0) {
        held.set(cache.create(), []);
      } else if (kind <= 4) {
        const tokens = Array.from({ length: random(70) }, (_, i) => `${seed} ${step} ${i}`);
        write(pages, cache, one, tokens);
        held.get(one)!.push(...tokens);
      } else if (kind <= 6) {
        const length = random(one.length + 1);
        held.set(cache.fork(one, length), held.get(one)!.slice(0, length));
      } else if (kind <= 8) {
        const length = random(one.length + 1);
        cache.truncate(one, length);
        held.get(one)!.length = length;
      } else {
        cache.free(one);
        held.delete(one);
      }
    } catch (error) {
      if (!(error instanceof MemoryError)) throw error;
      refusals++;
    }
    assert(cache.usedPages <= maxPages);
    assertEquals(new Set([...held.keys()].flatMap((s) => s.pages)).size, cache.usedPages);
    assertEquals(pages.content.size, cache.usedPages);
  }
  for (const [sequence, tokens] of held) assertEquals(read(pages, sequence), tokens);
  cache.clear();
  assertEquals([cache.usedPages, pages.content.size], [0, 0]);
  return refusals;
}

Deno.test("KvCache: random operations hold what plain lists hold, and release everything", () => {
  let refusals = 0;
  for (let seed = 1; seed <= 40; seed++) refusals += randomRun(seed, seed % 2 ? 12 : 200);
  assert(refusals > 100, `${refusals} refusals`);
});
