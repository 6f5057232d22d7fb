/** Tests of continuous batching: same tokens as alone, shared prefixes, a cache that is too small, aborts, slow readers. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { fixturePath } from "../../../../tests/support/fixture.ts";
import { FixtureModel } from "../../../../tests/support/fixture_model.ts";
import { seededRandom } from "../../../../tests/support/seeded_random.ts";
import type { GenerateOptions } from "../events.ts";
import { type KvCache, PAGE_TOKENS } from "../kv_cache.ts";
import { Decoder, type DrawnToken, type Feed } from "./decoder.ts";
import { generate } from "./generate.ts";
import { Scheduler } from "./scheduler.ts";
import { StepSize } from "./step_size.ts";

const FILE = fixturePath("models/llama_untied/gguf/model-F32.gguf");
const CONTEXT = 256;

/** Records what each step feeds. */
class WatchedDecoder extends Decoder {
  readonly steps: number[][] = [];
  /** Thrown by the next step. */
  failure: Error | undefined;
  /** Called before each step with its number. */
  onStep: (step: number) => void = () => {};

  override step(cache: KvCache, feeds: readonly Feed[]): Promise<DrawnToken[]> {
    this.steps.push(feeds.map(({ ids }) => ids.length));
    this.onStep(this.steps.length);
    if (this.failure) return Promise.reject(this.failure);
    return super.step(cache, feeds);
  }

  get rows(): number {
    return this.steps.flat().reduce((sum, count) => sum + count, 0);
  }
}

interface Opened {
  readonly decoder: WatchedDecoder;
  readonly scheduler: Scheduler;
}

async function opened(
  run: (parts: Opened) => Promise<void>,
  { pages = Infinity, maxStepMs = Infinity } = {},
): Promise<void> {
  await using open = await FixtureModel.open(FILE);
  const decoder = new WatchedDecoder(open.model, open.backend.ops, CONTEXT);
  const cache = open.backend.createCache(open.model.kvShape("f32"), pages);
  await run({ decoder, scheduler: new Scheduler(decoder, cache, new StepSize(maxStepMs)) });
}

const OPTIONS: GenerateOptions = { temperature: 1.1, seed: 3, ignoreEnd: true, maxTokens: 12 };

async function idsOf(
  scheduler: Scheduler,
  prompt: readonly number[],
  options: GenerateOptions = OPTIONS,
): Promise<number[]> {
  const ids: number[] = [];
  const generator = { scheduler, endIds: new Set<number>(), defaults: {} };
  for await (const { id } of generate(generator, prompt, options)) ids.push(id);
  return ids;
}

function prompts(count: number, seed: number, most = 120): number[][] {
  const random = seededRandom(seed);
  return Array.from(
    { length: count },
    () => Array.from({ length: 1 + random(most) }, () => random(380)),
  );
}

Deno.test("Scheduler: many at once draw what each draws alone, in fewer steps", () =>
  opened(async ({ scheduler, decoder }) => {
    const all = prompts(9, 1);
    const alone: number[][] = [];
    for (const prompt of all) alone.push(await idsOf(scheduler, prompt));
    const before = decoder.steps.length;
    const options = { ...OPTIONS, reusePrefix: false };
    const together = await Promise.all(all.map((prompt) => idsOf(scheduler, prompt, options)));
    assertEquals(together, alone);
    const steps = decoder.steps.slice(before);
    assert(steps.length < before / 4, `${steps.length} steps, one by one ${before}`);
    assert(steps.every((counts) => counts.reduce((sum, count) => sum + count, 0) <= 256));
  }));

Deno.test("Scheduler: equal prompts are fed once, and a common beginning once", () =>
  opened(async ({ scheduler, decoder }) => {
    const prompt = prompts(1, 2, 1)[0].concat(Array.from({ length: 99 }, (_, i) => i));
    const tails = [[1, 2, 3], [1, 2, 4], [9], [9, 9]];
    const all = [prompt, prompt, prompt, ...tails.map((tail) => [...prompt, ...tail])];
    const one = { ...OPTIONS, maxTokens: 1 };
    const alone: number[][] = [];
    for (const ids of all) alone.push(await idsOf(scheduler, ids, { ...one, reusePrefix: false }));
    const before = decoder.rows;
    assertEquals(await Promise.all(all.map((ids) => idsOf(scheduler, ids, one))), alone);
    const fed = decoder.rows - before;
    assert(fed <= 100 + 20, `${fed} tokens were fed`);
  }));

Deno.test("Scheduler: a later prompt that begins like an earlier answer is fed from there on", () =>
  opened(async ({ scheduler, decoder }) => {
    const [prompt] = prompts(1, 4).map((ids) => ids.concat(ids, ids));
    const plain = { ...OPTIONS, speculation: "off" } as const; // so that rows can be counted
    const answer = await idsOf(scheduler, prompt, plain);
    const next = [...prompt, ...answer, 5, 6, 7];
    const alone = await idsOf(scheduler, next, { ...plain, reusePrefix: false });
    const before = decoder.rows;
    assertEquals(await idsOf(scheduler, next, plain), alone);
    // the last token of the answer was drawn and never fed
    assertEquals(decoder.rows - before, 4 + 11);
  }));

Deno.test("Scheduler: a cache for one context serves many, whose pages are taken and fed again", async () => {
  const all = prompts(14, 7, 200);
  const options = { ...OPTIONS, maxTokens: 50 };
  const alone: number[][] = [];
  await opened(async ({ scheduler }) => {
    for (const prompt of all) alone.push(await idsOf(scheduler, prompt, options));
  });
  for (const reusePrefix of [true, false]) {
    await opened(async ({ scheduler }) => {
      const run = { ...options, reusePrefix };
      assertEquals(await Promise.all(all.map((prompt) => idsOf(scheduler, prompt, run))), alone);
      assert(scheduler.cache.usedPages <= CONTEXT / PAGE_TOKENS);
    }, { pages: CONTEXT / PAGE_TOKENS });
  }
});

Deno.test("Scheduler: an answer that nobody reads on keeps no other from a full context", () =>
  opened(async ({ scheduler }) => {
    const endless = { ...OPTIONS, maxTokens: undefined };
    const generator = { scheduler, endIds: new Set<number>(), defaults: {} };
    const [first, second] = prompts(2, 8, 100);
    const left = generate(generator, first, endless);
    const seen = [(await left.next()).value, (await left.next()).value];
    assertEquals((await idsOf(scheduler, second, endless)).length, CONTEXT - second.length);
    for (let i = 0; i < 10; i++) seen.push((await left.next()).value);
    await left.return(undefined as never);
    const expected = await idsOf(scheduler, first, OPTIONS);
    assertEquals(seen.map((token) => (token as DrawnToken).id), expected);
  }, { pages: CONTEXT / PAGE_TOKENS }));

Deno.test("Scheduler: an abort ends its own sequence only, waiting or not", () =>
  opened(async ({ scheduler, decoder }) => {
    const all = prompts(3, 9);
    const expected = await idsOf(scheduler, all[0]);
    const abort = new AbortController();
    const doomed = all.slice(1).map((prompt) =>
      idsOf(scheduler, prompt, { ...OPTIONS, maxTokens: 100, signal: abort.signal })
    );
    const kept = idsOf(scheduler, all[0]);
    const before = decoder.steps.length;
    decoder.onStep = (step) => {
      if (step === before + 5) abort.abort(new Error("enough"));
    };
    for (const run of doomed) await assertRejects(() => run, Error, "enough");
    assertEquals(await kept, expected);
  }));

Deno.test("Scheduler: an error of a step reaches all in it, and the next request works", () =>
  opened(async ({ scheduler, decoder }) => {
    const all = prompts(3, 10);
    const expected = await Promise.all(all.map((prompt) => idsOf(scheduler, prompt)));
    decoder.failure = new Error("the device is gone");
    const failed = await Promise.allSettled(all.map((prompt) => idsOf(scheduler, prompt)));
    assertEquals(failed.map(({ status }) => status), ["rejected", "rejected", "rejected"]);
    decoder.failure = undefined;
    assertEquals(await Promise.all(all.map((prompt) => idsOf(scheduler, prompt))), expected);
  }));

Deno.test("Scheduler.end: whoever waits or asks gets the reason, and nothing steps any more", () =>
  opened(async ({ scheduler, decoder }) => {
    const [one, two] = prompts(2, 11, 200);
    decoder.onStep = (step) => {
      if (step === 5) scheduler.end(new TypeError("closed"));
    };
    const run = () => idsOf(scheduler, one, { ...OPTIONS, maxTokens: 100 });
    await assertRejects(run, TypeError, "closed");
    await assertRejects(() => idsOf(scheduler, two), TypeError, "closed");
    assertEquals(decoder.steps.length, 5);
  }));

Deno.test("Scheduler: long prompts are cut to steps of the time allowed, beside who decodes", () =>
  opened(async ({ scheduler, decoder }) => {
    const prompt = Array.from({ length: 250 }, (_, i) => i);
    const whole = await idsOf(scheduler, prompt, { ...OPTIONS, maxTokens: 3, reusePrefix: false });
    const before = decoder.steps.length;
    const again = await idsOf(scheduler, prompt, { ...OPTIONS, maxTokens: 3, reusePrefix: false });
    assertEquals(again, whole);
    assert(decoder.steps.length > before + 4);
    assert(decoder.steps.slice(before).every(([count]) => count <= 16));
    const seen: number[] = [];
    const onPromptProgress = (done: number, total: number) => {
      assertEquals(total, 250);
      seen.push(done);
    };
    const fresh = { ...OPTIONS, maxTokens: 3, reusePrefix: false };
    await idsOf(scheduler, prompt, { ...fresh, onPromptProgress });
    assertEquals(seen.slice(0, 3), [4, 8, 12]);
    assertEquals(seen.at(-1), 250);
    const thrown = () => {
      throw new Error("thrown by the caller");
    };
    const failing = idsOf(scheduler, prompt, { ...fresh, onPromptProgress: thrown });
    const beside = idsOf(scheduler, prompt, fresh);
    await assertRejects(() => failing, Error, "thrown by the caller");
    assertEquals(await beside, whole);
  }, { maxStepMs: 1e-6 }));

Deno.test("Scheduler: a cache smaller than the prompt says so", () =>
  opened(async ({ scheduler }) => {
    const prompt = Array.from({ length: 100 }, (_, i) => i);
    await assertRejects(() => idsOf(scheduler, prompt), RangeError, "cache has only 2 pages");
    assertEquals((await idsOf(scheduler, prompt.slice(0, 20))).length, 12);
  }, { pages: 2 }));
