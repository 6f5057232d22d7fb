/** Tests of prompts that are fed once: parts, forks, and whose pages are given back. */
import { assertEquals } from "@std/assert";
import { KvCache } from "../../kv_cache.ts";
import { PromptStems } from "./prompt_stems.ts";

function stemsOf(prompts: readonly number[][]): { stems: PromptStems; cache: KvCache } {
  let pages = 0;
  const store = {
    allocate: () => pages++,
    release: () => {},
    copy: () => {},
    read: () => Promise.resolve(new Uint8Array()),
    write: () => {},
  };
  const shape = { layers: 1, kvHeads: 1, keySize: 4, valueSize: 4, type: "f32" } as const;
  const cache = new KvCache(shape, store);
  return { stems: new PromptStems(cache, prompts), cache };
}

const numbered = (length: number, first: number) => Array.from({ length }, (_, i) => first + i);

Deno.test("PromptStems: wanted prompts are fed in order but for their last token, in parts", () => {
  const { stems } = stemsOf([numbered(6, 0), numbered(1, 50), numbered(4, 100)]);
  for (const prompt of [0, 1, 2, 0]) stems.want(prompt);
  const parts = (rows: number) =>
    stems.takeParts(rows).map(({ ids, firstPosition }) => [firstPosition, [...ids]]);
  assertEquals([stems.fork(0), stems.fork(1)?.length, stems.fork(2)], [undefined, 0, undefined]);
  assertEquals(parts(2), [[0, [0, 1]]]);
  assertEquals(parts(5), [[2, [2, 3, 4]], [0, [100, 101]]]);
  assertEquals([stems.fork(0)?.length, stems.fork(2)], [5, undefined]);
  assertEquals(parts(5), [[2, [102]]]);
  assertEquals(parts(5), []);
});

Deno.test("PromptStems: forks share whole pages and outlive the stem", () => {
  const { stems, cache } = stemsOf([numbered(66, 0)]);
  stems.want(0);
  stems.takeParts(100);
  const forks = [stems.fork(0), stems.fork(0)].map((fork) => fork!);
  assertEquals(cache.usedPages, 5);
  assertEquals(forks[0].pages.slice(0, 2), forks[1].pages.slice(0, 2));
  stems.drop(0);
  stems.drop(0);
  assertEquals([cache.usedPages, stems.fork(0)], [4, undefined]);
  for (const fork of forks) cache.free(fork);
  assertEquals(cache.usedPages, 0);
});
