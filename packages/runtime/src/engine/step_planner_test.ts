/** Tests of what a step feeds: rows, room, who waits, whose pages are taken. No model: sequences grow as they are planned. */
import { assert, assertEquals } from "@std/assert";
import { KvCache } from "../kv_cache.ts";
import type { Draw } from "../ops.ts";
import type { Decoder } from "./decoder.ts";
import { PrefixCache } from "./prefix_cache.ts";
import { RunningSequence } from "./running_sequence.ts";
import { StepPlanner } from "./step_planner.ts";

/** Stand-ins: no step runs. */
const [DECODER, ADAPTED] = [{} as Decoder, {} as Decoder];
const SHAPE = { layers: 1, kvHeads: 1, keySize: 1, valueSize: 1, type: "f32" } as const;
const WISH = { draw: {} as Draw, options: {}, resolve: () => {}, reject: () => {} };

/** Sequences whose tokens differ from the first on, unless `ids` are given. */
class Table {
  readonly running = new Set<RunningSequence>();
  readonly cache: KvCache;
  readonly kept: PrefixCache;
  readonly planner: StepPlanner;
  #next = 0;

  constructor(pages: number) {
    let page = 0;
    const store = {
      ...{ allocate: () => page++, release: () => {}, copy: () => {} },
      ...{ read: () => Promise.resolve(new Uint8Array()), write: () => {} },
    };
    this.cache = new KvCache(SHAPE, store, pages);
    this.kept = new PrefixCache(this.cache);
    this.planner = new StepPlanner(this.cache, this.kept, this.running);
  }

  /** A sequence of `total` tokens, of which the cache holds `stored`; idle ones have no reader. */
  add(
    total: number,
    { stored = 0, idle = false, ids = [] as number[], decoder = DECODER } = {},
  ): RunningSequence {
    const running = new RunningSequence(decoder, true);
    const first = 1000 * ++this.#next;
    running.ids.push(...ids);
    while (running.ids.length < total) running.ids.push(first + running.ids.length);
    if (stored > 0) {
      running.sequence = this.cache.create();
      this.cache.extend(running.sequence, stored);
      running.hasStepped = true;
    }
    if (!idle) running.wish = WISH;
    this.running.add(running);
    return running;
  }

  /** Tokens that the next step feeds of each sequence in order; 0 for those that wait. */
  plan(rows = 256): number[] {
    const waiting = [...this.running].filter(({ wish }) => wish);
    const plans = this.planner.plan(waiting, rows);
    for (const { running, count } of plans) {
      running.hasStepped = true;
      running.sequence ??= this.cache.create();
      this.cache.extend(running.sequence, count);
    }
    return [...this.running].map((one) => plans.find(({ running }) => running === one)?.count ?? 0);
  }
}

Deno.test("StepPlanner: who decodes comes first in rows, prompts share the rest, the oldest first", () => {
  const table = new Table(100);
  table.add(150);
  for (let i = 0; i < 3; i++) table.add(41, { stored: 40 });
  table.add(150);
  assertEquals(table.plan(), [150, 1, 1, 1, 103]);
  const slow = new Table(100);
  slow.add(150);
  slow.add(41, { stored: 40 });
  assertEquals(slow.plan(64), [63, 1]);
  assertEquals(slow.plan(8), [8, 0]); // the second has been fed whole
});

Deno.test("StepPlanner: however many decode, prompts go on", () => {
  const table = new Table(1000);
  for (let i = 0; i < 250; i++) table.add(11, { stored: 10 });
  table.add(100);
  const plan = table.plan();
  assertEquals([plan.filter((count) => count === 1).length, plan.at(-1)], [224, 32]);
});

Deno.test("StepPlanner: of more that decode than a step has rows for, those that rested come first", () => {
  const table = new Table(3000);
  for (let i = 0; i < 250; i++) table.add(11, { stored: 10 });
  const all = [...table.running];
  for (let round = 1; round <= 250; round++) {
    const counts = table.plan();
    assertEquals(counts.reduce((sum, count) => sum + count, 0), 224);
    for (const running of all) if (running.missing === 0) running.ids.push(1);
    const lengths = all.map(({ stored }) => stored);
    assert(Math.max(...lengths) - Math.min(...lengths) <= 1);
  }
});

Deno.test("StepPlanner: a later prompt starts only where all of it and a token more has room", () => {
  const table = new Table(4);
  table.add(40);
  table.add(64);
  table.add(20);
  assertEquals(table.plan(), [40, 0, 0]); // nobody overtakes the second
  const roomy = new Table(5);
  roomy.add(40);
  roomy.add(64);
  assertEquals(roomy.plan(), [40, 64]);
});

Deno.test("StepPlanner: a prompt that waits for room with another's beginning takes no pages meanwhile", () => {
  const table = new Table(6);
  const ids = Array.from({ length: 32 }, (_, i) => i);
  table.add(65, { ids, stored: 64 });
  const idle = table.add(33, { stored: 33, idle: true });
  const late = table.add(120, { ids });
  assertEquals(table.plan(), [1, 0, 0]);
  assertEquals(late.stored, 32);
  table.running.values().next().value?.ids.push(1);
  assertEquals(table.plan(), [1, 0, 0]);
  assertEquals(idle.stored, 33);
  table.running.delete(idle);
  table.planner.takeAway(idle);
  assertEquals(table.plan(), [0, 88]);
});

Deno.test("StepPlanner: pages of a step's own sequences are never taken, idle and younger ones are", () => {
  const table = new Table(4);
  const first = table.add(33, { stored: 32 });
  const second = table.add(33, { stored: 32 });
  const young = table.add(33, { stored: 32 });
  const idle = table.add(20, { stored: 20, idle: true });
  // the first needs a fifth page and takes the idle one's, the second takes the young one's
  assertEquals(table.plan(), [1, 1, 0, 0]);
  assertEquals([first.stored, second.stored, young.stored, idle.stored], [33, 33, 0, 0]);
  const full = new Table(2);
  full.add(33, { stored: 32 });
  full.add(32, { stored: 31 });
  assertEquals(full.plan(), [1, 0]);
});

Deno.test("StepPlanner: kept sequences go before anybody's pages, and not for a prompt that must wait anyway", () => {
  const table = new Table(4);
  const keep = () => {
    const sequence = table.cache.create();
    table.cache.extend(sequence, 32);
    table.kept.keep(sequence, Array.from({ length: 32 }, (_, i) => i));
  };
  keep();
  table.add(33, { stored: 32 });
  table.add(33, { stored: 32 });
  assertEquals(table.plan(), [1, 1]);
  assertEquals(table.kept.size, 0);
  const waiting = new Table(4);
  const sequence = waiting.cache.create();
  waiting.cache.extend(sequence, 32);
  waiting.kept.keep(sequence, Array.from({ length: 32 }, (_, i) => i));
  waiting.add(33);
  waiting.add(64);
  assertEquals(waiting.plan(), [33, 0]);
  assertEquals(waiting.kept.size, 1);
});

Deno.test("StepPlanner: what another is about to feed is waited for, then shared", () => {
  const table = new Table(100);
  const ids = Array.from({ length: 90 }, (_, i) => i);
  const first = table.add(90, { ids });
  const same = table.add(90, { ids });
  const longer = table.add(100, { ids });
  const few = table.add(50, { ids: ids.slice(0, 7) });
  assertEquals(table.plan(), [90, 0, 0, 50]);
  assertEquals(table.plan(), [0, 1, 10, 0]);
  assertEquals([first, same, longer, few].map((one) => one.reusedTokens), [0, 89, 90, 0]);
  table.planner.takeAway(longer);
  assertEquals(table.plan(), [0, 0, 10, 0]);
  assertEquals(longer.reusedTokens, 90); // of the first time, not of being fed again
  table.planner.takeAway(first);
  table.planner.takeAway(longer);
  assertEquals(first.reusedTokens, 0);
  assertEquals(table.plan(), [1, 0, 10, 0]);
  assertEquals([first.reusedTokens, longer.reusedTokens], [0, 90]);
});

Deno.test("StepPlanner: without room for a copy whole pages are shared all the same", () => {
  const table = new Table(3);
  const ids = Array.from({ length: 80 }, (_, i) => i);
  const idle = table.add(81, { ids, stored: 80, idle: true });
  const same = table.add(72, { ids: ids.slice(0, 72) });
  assertEquals(table.plan(), [0, 8]);
  assertEquals([same.reusedTokens, idle.stored, table.cache.usedPages], [64, 0, 3]);
});

/** Makes a sequence guess as much as it may; tells with how many rows beside it. */
function guessing(running: RunningSequence, mostDrafts = 100): { others?: number } {
  const seen: { others?: number } = {};
  const draft = (most: number, others: number) => {
    seen.others = others;
    const ids = Array.from({ length: most }, (_, i) => i);
    return { ids, draws: ids.map(() => WISH.draw) };
  };
  running.wish = { ...WISH, options: { mostDrafts, drafter: { draft, checked: () => {} } } };
  return seen;
}

/** Drafts of each part of the next step, which is not run. */
function drafts(table: Table, rows = 256): (number | undefined)[] {
  const waiting = [...table.running].filter(({ wish }) => wish);
  return table.planner.plan(waiting, rows).map((plan) => plan.drafts?.ids.length);
}

Deno.test("StepPlanner: few that decode share eight rows with drafts, beside prompts there are none", () => {
  const table = new Table(100);
  const seen = guessing(table.add(41, { stored: 40 }));
  assertEquals(drafts(table), [7]);
  assertEquals(drafts(table, 4), [3]);
  assertEquals(seen.others, 0);
  guessing(table.add(41, { stored: 40 }), 2);
  const third = table.add(41, { stored: 40 });
  assertEquals(drafts(table), [1, 1, undefined]);
  const last = guessing(third);
  assertEquals(drafts(table), [1, 1, 1]);
  assertEquals([seen.others, last.others], [2, 4]);
  for (let i = 0; i < 2; i++) guessing(table.add(41, { stored: 40 }));
  assertEquals(drafts(table), Array(5).fill(undefined));
  const mixed = new Table(100);
  guessing(mixed.add(41, { stored: 40 }));
  mixed.add(20);
  assertEquals(drafts(mixed), [undefined, undefined]);
});

Deno.test("StepPlanner: drafts take what is free, and nobody's page", () => {
  const table = new Table(3);
  const one = table.add(29, { stored: 28 });
  guessing(one);
  const kept = table.cache.create();
  table.cache.extend(kept, 64);
  table.kept.keep(kept, Array.from({ length: 64 }, (_, i) => i));
  assertEquals([drafts(table), table.kept.size], [[3], 1]);
  table.kept.evict();
  assertEquals(drafts(table), [7]);
  const full = new Table(3);
  guessing(full.add(29, { stored: 28 }));
  guessing(full.add(32, { stored: 31 }));
  // one page is free, and the first takes it
  assertEquals(drafts(full), [3, 3]);
  const crossing = new Table(3);
  guessing(crossing.add(31, { stored: 30 }));
  guessing(crossing.add(31, { stored: 30 }));
  assertEquals(drafts(crossing), [3, 1]);
});

Deno.test("StepPlanner: a step is of one decoder; decoders take turns, whoever has more sequences", () => {
  const table = new Table(100);
  for (let i = 0; i < 3; i++) table.add(41, { stored: 40 });
  table.add(41, { stored: 40, decoder: ADAPTED });
  const grow = () => table.running.forEach((one) => one.missing === 0 && one.ids.push(0));
  for (let round = 0; round < 3; round++) {
    assertEquals(table.plan(), [1, 1, 1, 0]);
    grow();
    assertEquals(table.plan(), [0, 0, 0, 1]);
    grow();
  }
});

Deno.test("StepPlanner: keys of another decoder are not shared, running or kept", () => {
  const table = new Table(100);
  const ids = Array.from({ length: 100 }, (_, i) => i);
  table.add(100, { ids, stored: 64, idle: true });
  table.add(100, { ids, decoder: ADAPTED });
  const own = table.add(100, { ids });
  assertEquals([table.plan(), own.reusedTokens], [[0, 100, 0], 0]);
  assertEquals([table.plan(), own.reusedTokens], [[0, 0, 36], 64]);
  const kept = new Table(100);
  const sequence = kept.cache.create();
  kept.cache.extend(sequence, 64);
  kept.kept.keep(sequence, ids.slice(0, 64), DECODER);
  const [other, same] = [kept.add(100, { ids, decoder: ADAPTED }), kept.add(100, { ids })];
  kept.plan();
  kept.plan();
  assertEquals([other.reusedTokens, same.reusedTokens], [0, 64]);
});

Deno.test("StepPlanner: a prompt that waits for room is not overtaken by a younger one of another decoder", () => {
  const table = new Table(4);
  const older = table.add(65, { stored: 64 });
  table.add(96, { decoder: ADAPTED });
  table.add(20);
  assertEquals(table.plan(), [1, 0, 0]);
  older.ids.push(0);
  assertEquals(table.plan(), [1, 0, 0]);
  table.running.delete(older);
  table.planner.takeAway(older);
  assertEquals(table.plan(), [96, 0]);
});
