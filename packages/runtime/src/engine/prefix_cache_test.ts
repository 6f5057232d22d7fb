/** Tests of kept sequences: what they share, who goes first, and that no page is lost. Stores nothing real in the pages. */
import { assert, assertEquals } from "@std/assert";
import { type CachedSequence, KvCache } from "../kv_cache.ts";
import { PrefixCache, sharedLength } from "./prefix_cache.ts";

const SHAPE = { layers: 1, kvHeads: 1, keySize: 1, valueSize: 1, type: "f32" } as const;

function emptyCache(maxPages?: number, lookahead = 0): KvCache {
  let next = 0;
  return new KvCache({ ...SHAPE, lookahead }, {
    ...{ allocate: () => next++, release: () => {}, copy: () => {} },
    ...{ read: (page) => Promise.resolve(Uint8Array.of(page)), write: () => {} },
  }, maxPages);
}

function filled(cache: KvCache, length: number): CachedSequence {
  const sequence = cache.create();
  cache.extend(sequence, length);
  return sequence;
}

const range = (length: number, first = 0): number[] => Array.from({ length }, (_, i) => first + i);

Deno.test("sharedLength: counts equal tokens at the beginning", () => {
  assertEquals(sharedLength([1, 2, 3], [1, 2, 4, 3]), 2);
  assertEquals(sharedLength([1, 2], [1, 2]), 2);
  assertEquals(sharedLength([], [1]), 0);
});

Deno.test("PrefixCache.claim: gives the longest beginning, never the last token, never a few", () => {
  const cache = emptyCache();
  const kept = new PrefixCache(cache);
  kept.keep(filled(cache, 40), range(40));
  kept.keep(filled(cache, 60), [...range(20), ...range(40, 100)]);
  const shared = (ids: number[]) => {
    assertEquals(Math.max(7, kept.sharedTokens(ids)), kept.claim(ids, true)?.length ?? 7);
    return kept.sharedTokens(ids);
  };
  assertEquals(shared(range(50)), 40);
  assertEquals(shared(range(40)), 39);
  assertEquals(shared([...range(20), 100, 101, 5]), 22);
  assertEquals(shared([...range(7), 999]), 7);
  assertEquals(shared([500]), 0);
});

Deno.test("PrefixCache.claim: where keys are made of the next token too, that one must be shared as well", () => {
  const cache = emptyCache(Infinity, 1);
  const kept = new PrefixCache(cache);
  kept.keep(filled(cache, 64), range(64));
  const shared = (ids: number[]) => kept.claim(ids, true)?.length;
  assertEquals(shared(range(80)), 63);
  assertEquals(shared([...range(30), 999, 5]), 29);
  assertEquals(shared(range(40)), 39); // of its last token the next one is not needed
  assertEquals(kept.sharedTokens([500, 1]), 0);
});

Deno.test("PrefixCache.claim: without room for a copy the sequence itself is handed over in whole pages", () => {
  const cache = emptyCache();
  const kept = new PrefixCache(cache);
  const sequence = filled(cache, 100);
  kept.keep(sequence, range(100));
  const claimed = kept.claim(range(80), false);
  assert(claimed === sequence);
  assertEquals([claimed.length, kept.size, cache.usedPages], [64, 0, 2]);
});

Deno.test("PrefixCache.keep: a sequence inside another is not kept twice", () => {
  const cache = emptyCache();
  const kept = new PrefixCache(cache);
  kept.keep(filled(cache, 40), range(40));
  kept.keep(filled(cache, 70), range(70));
  assertEquals([kept.size, cache.usedPages], [1, 3]);
  kept.keep(filled(cache, 30), range(30));
  assertEquals([kept.size, cache.usedPages], [1, 3]);
});

Deno.test("PrefixCache.evict: the least recently used goes first, and all pages come back", () => {
  const cache = emptyCache();
  const kept = new PrefixCache(cache);
  for (const first of [0, 1000, 2000]) kept.keep(filled(cache, 40), range(40, first));
  const claimed = kept.claim(range(40), true);
  assert(kept.evict());
  assertEquals([kept.sharedTokens(range(40, 1000)), kept.sharedTokens(range(40))], [0, 39]);
  assert(kept.evict() && kept.evict());
  assertEquals(kept.evict(), false);
  if (claimed) cache.free(claimed);
  assertEquals(cache.usedPages, 0);
});

Deno.test("PrefixCache.keep: the number of kept sequences is bounded", () => {
  const cache = emptyCache();
  const kept = new PrefixCache(cache);
  for (let i = 0; i < 100; i++) kept.keep(filled(cache, 10), range(10, 1000 * i));
  assertEquals([kept.size, cache.usedPages], [64, 64]);
});

Deno.test("PrefixCache.adopt: others make way, what does not fit is left out, what is held stays", () => {
  const cache = emptyCache(5);
  const kept = new PrefixCache(cache);
  const pages = (count: number) => Array.from({ length: count }, () => new Uint8Array());
  kept.keep(filled(cache, 40), range(40, 1000));
  assertEquals([kept.adopt(range(64), pages(2)), cache.usedPages, kept.pages], [64, 4, 4]);
  assertEquals([kept.adopt(range(64), pages(2)), cache.usedPages], [64, 4]);
  assertEquals([kept.adopt(range(32), pages(1)), kept.size], [32, 2]);
  assertEquals(kept.adopt(range(96, 500), pages(3)), 96);
  assertEquals([kept.sharedTokens(range(40, 1000)), kept.sharedTokens(range(80))], [0, 64]);
  assert(kept.evict());
  const running = filled(cache, 1);
  assertEquals([kept.adopt(range(192), pages(6)), cache.usedPages], [128, 5]);
  cache.free(running);
  while (kept.evict());
  assertEquals(cache.usedPages, 0);
});

Deno.test("PrefixCache.adopt: nothing makes way where running sequences leave no room for more than is held", () => {
  const cache = emptyCache(4);
  const kept = new PrefixCache(cache);
  const pages = (count: number) => Array.from({ length: count }, () => new Uint8Array());
  kept.keep(filled(cache, 64), range(64));
  const running = filled(cache, 64);
  assertEquals([kept.adopt(range(128), pages(4)), kept.size], [64, 1]);
  assertEquals(kept.sharedTokens(range(128)), 64);
  const fork = kept.claim(range(65), true); // now a running sequence shares the kept pages
  assertEquals([kept.adopt(range(64, 900), pages(2)), kept.size], [0, 1]);
  if (fork) cache.free(fork);
  cache.free(running);
  assertEquals([kept.adopt(range(128), pages(4)), kept.size, cache.usedPages], [128, 1, 4]);
});
