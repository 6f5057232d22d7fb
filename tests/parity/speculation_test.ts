/** Answers with and without checked drafts are the same, token by token and bit by bit, under all options. No reference numbers. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import type { DrawnToken } from "../../packages/runtime/src/engine/decoder.ts";
import { generate } from "../../packages/runtime/src/engine/generate.ts";
import type { GenerateOptions } from "../../packages/runtime/src/events.ts";
import { PAGE_TOKENS } from "../../packages/runtime/src/kv_cache.ts";
import {
  answer,
  checkSame,
  type Engine,
  type EngineOptions,
  FEW,
  forcingGuide,
  PROMPT,
  withEngine,
} from "../support/counted_engine.ts";
import { fixturePath } from "../support/fixture.ts";
import { seededRandom } from "../support/seeded_random.ts";

const FILES = [
  "models/llama_untied/gguf/model-F32.gguf",
  "models/qwen3/gguf/model-Q8_0.gguf",
];
const SAMPLED: GenerateOptions = { temperature: 3, seed: 4, logitBias: FEW, maxTokens: 70 };

function opened(
  run: (engine: Engine) => Promise<void>,
  { file = FILES[0], ...more }: Partial<EngineOptions> = {},
): Promise<void> {
  return withEngine(run, { file: fixturePath(file), ...more });
}

const SETTINGS: Readonly<Record<string, GenerateOptions>> = {
  "greedy": { temperature: 0, logitBias: { 5: 1.5, 6: 1.5, 7: 1.5, 8: 1.5 }, maxTokens: 90 },
  "temperature": SAMPLED,
  "truncation": { ...SAMPLED, topK: 3, topP: 0.9, minP: 0.05, topLogprobs: 4 },
  "penalties": {
    ...{ ...SAMPLED, repeatPenalty: 1.02, repeatLastTokens: 7 },
    ...{ presencePenalty: 0.3, frequencyPenalty: 0.1, topLogprobs: 2 },
  },
  "penalties over all": { ...SAMPLED, repeatPenalty: 1.01, repeatLastTokens: Infinity },
  "another choice": { ...SAMPLED, choice: 3 },
};

for (const file of FILES) {
  for (const [name, options] of Object.entries(SETTINGS)) {
    Deno.test(`speculation: ${name} draws the same tokens in fewer steps, ${file}`, () =>
      opened(async (engine) => {
        const sums = { accepted: 0, rejected: 0 };
        for (const seed of [1, 2, 3]) {
          const { accepted, rejected } = await checkSame(engine, { ...options, seed });
          sums.accepted += accepted;
          sums.rejected += rejected;
        }
        assert(sums.accepted > 10 && sums.rejected > 3, JSON.stringify(sums));
      }, { file }));
  }
}

Deno.test("speculation: each accepted draft saves a step", () =>
  opened(async (engine) => {
    const told: number[][] = [];
    const onPromptProgress = (done: number, total: number) => void told.push([done, total]);
    const options = { temperature: 0, logitBias: FEW, maxTokens: 90, onPromptProgress };
    const { end, tokens } = await answer(engine, options);
    assertEquals(told, [[PROMPT.length, PROMPT.length]]);
    const { acceptedTokens } = end.timings;
    assert(acceptedTokens > 45, `${acceptedTokens} accepted`);
    assertEquals(engine.decoder.steps, tokens.length - acceptedTokens);
  }));

Deno.test("speculation: maxTokens, the context, end tokens and minTokens end the answer where they do without", async () => {
  await opened(async (engine) => {
    for (let maxTokens = 0; maxTokens < 40; maxTokens++) {
      await checkSame(engine, { ...SAMPLED, temperature: 1, maxTokens });
      assert(engine.decoder.longest <= PROMPT.length + Math.max(0, maxTokens - 1));
    }
    const all = await checkSame(engine, SAMPLED);
    for (const end of [5, 6, 7, 8]) {
      for (const minTokens of [0, 12, 13, 14, 40]) {
        const ends = () => ({ endIds: new Set([end]) });
        const { tokens } = await checkSame(engine, { ...SAMPLED, minTokens }, ends);
        assert(tokens.length >= minTokens && tokens.length < all.tokens.length);
        await checkSame(engine, { ...SAMPLED, minTokens, ignoreEnd: true }, ends);
      }
    }
  });
  for (const contextTokens of [30, 31, 32, 33, 64, 65]) {
    await opened(async (engine) => {
      const full = { ...SAMPLED, maxTokens: undefined };
      assertEquals((await checkSame(engine, full)).tokens.length, contextTokens - PROMPT.length);
      await checkSame(engine, { ...SAMPLED, onFullContext: "slide", maxTokens: 150 });
      assertEquals(engine.decoder.longest, contextTokens);
    }, { contextTokens });
  }
});

Deno.test("speculation: forced tokens come at their place, whatever was drawn ahead of them", () =>
  opened(async (engine) => {
    for (const at of [1, 8, 9, 10, 11, 12, 13]) {
      const forcing = () => {
        let asked = 0;
        return forcingGuide(() => [at, at + 1, 3 * at].includes(asked++) ? 6 + at % 3 : undefined);
      };
      const { tokens } = await checkSame(engine, { ...SAMPLED, topLogprobs: 2 }, forcing);
      assertEquals(tokens[at].id, 6 + at % 3);
    }
  }));

Deno.test("speculation: a reader may stop anywhere, and what is kept holds the tokens it names", () =>
  opened(async (engine) => {
    const { tokens } = await answer(engine, { ...SAMPLED, speculation: "off", reusePrefix: false });
    const ids = tokens.map(({ id }) => id);
    for (let readTokens = 1; readTokens < 40; readTokens += 3) {
      const stopped = await answer(engine, { ...SAMPLED, seed: 4 }, { readTokens });
      assertEquals([stopped.tokens, stopped.end.finishReason], [
        tokens.slice(0, readTokens),
        "stop",
      ]);
      const prompt = [...PROMPT, ...ids.slice(0, readTokens), 9, 5, 6];
      const next = { ...SAMPLED, seed: 9, maxTokens: 10 };
      const again = await answer(engine, next, { prompt });
      // the last token of an answer was drawn and never fed
      assertEquals(again.end.cachedPromptTokens, PROMPT.length + readTokens - 1);
      const alone = await answer(engine, { ...next, reusePrefix: false }, { prompt });
      assertEquals(again.tokens, alone.tokens);
    }
  }));

Deno.test("speculation: while a reader pauses, and where it ends, no page holds a rejected draft", async () => {
  const options = { ...SAMPLED, temperature: 1, reusePrefix: true };
  /** After each token: the pages in use and the steps so far. */
  const seen: { pages: number; steps: number }[] = [];
  await opened(async ({ scheduler, decoder }) => {
    const generator = { scheduler, endIds: new Set<number>(), defaults: {} };
    for await (const _token of generate(generator, PROMPT, options)) {
      seen.push({ pages: scheduler.cache.usedPages, steps: decoder.steps });
    }
  });
  const pagesOf = (answered: number) => Math.ceil((PROMPT.length + answered) / PAGE_TOKENS);
  let endedAhead = 0;
  for (const [i, { pages, steps }] of seen.entries()) {
    const ahead = seen.slice(i + 1).filter((later) => later.steps === steps).length;
    assertEquals(pages, pagesOf(i + ahead), `after ${i + 1} tokens`);
    if (pagesOf(i) === pages) continue;
    await opened(async (engine) => {
      await answer(engine, options, { readTokens: i + 1 });
      assertEquals(engine.scheduler.cache.usedPages, pagesOf(i));
    });
    endedAhead++;
  }
  assert(endedAhead > 0);
});

/** Prompts of the few tokens; some begin alike. */
function prompts(count: number): number[][] {
  const random = seededRandom(12);
  const shared = Array.from({ length: 40 }, () => 5 + random(4));
  return Array.from({ length: count }, (_, i) => {
    const own = Array.from({ length: 5 + random(60) }, () => 5 + random(4));
    return i % 2 === 0 ? [...shared, ...own] : own;
  });
}

function settingOf(i: number): GenerateOptions {
  const settings = Object.values(SETTINGS);
  // colder, so that drafts pay beside others
  return { ...settings[i % settings.length], temperature: 0.5, seed: i, maxTokens: 50 + 10 * i };
}

Deno.test("speculation: sequences of all settings at once draw what each draws alone, taken pages or not", async () => {
  const all = prompts(7);
  const alone: DrawnToken[][] = [];
  await opened(async (engine) => {
    for (const [i, prompt] of all.entries()) {
      const plain = { ...settingOf(i), reusePrefix: false, speculation: "off" } as const;
      alone.push((await answer(engine, plain, { prompt })).tokens);
    }
  });
  for (const pages of [Infinity, 256 / PAGE_TOKENS]) {
    await opened(async (engine) => {
      for (const count of [2, 3, 7]) {
        const some = all.slice(0, count);
        const answers = await Promise.all(
          some.map((prompt, i) => answer(engine, settingOf(i), { prompt })),
        );
        assertEquals(answers.map(({ tokens }) => tokens), alone.slice(0, count));
        const accepted = answers.reduce((sum, { end }) => sum + end.timings.acceptedTokens, 0);
        assert(accepted > 0, `${accepted} accepted`);
        assert(engine.scheduler.cache.usedPages <= pages);
      }
    }, { pages, contextTokens: 256 });
  }
});

Deno.test("speculation: tokens drawn ahead outlive the pages of a reader that pauses", () =>
  opened(async (engine) => {
    const { scheduler } = engine;
    const options = { ...SAMPLED, temperature: 0.5, reusePrefix: false };
    const expected = (await answer(engine, { ...options, speculation: "off" })).tokens;
    const generator = { scheduler, endIds: new Set<number>(), defaults: {} };
    let wereAhead = 0;
    for (let count = 30; count < 40; count++) {
      const run = generate(generator, PROMPT, options);
      for (let i = 0; i < count; i++) assertEquals((await run.next()).value, expected[i]);
      await answer(engine, { ...options, maxTokens: undefined }, { prompt: [9, 8, 7] });
      const { steps } = engine.decoder;
      for (let i = count; i < 60; i++) {
        assertEquals((await run.next()).value, expected[i]);
        if (i === count && engine.decoder.steps === steps) wereAhead++;
      }
      await run.return(undefined as never);
    }
    assert(wereAhead > 1 && wereAhead < 10, `${wereAhead} times`);
  }, { pages: 4, contextTokens: 128 }));

Deno.test("speculation: a cache without a free page gives the whole answer", () =>
  opened(async (engine) => {
    const { tokens } = await checkSame(engine, { ...SAMPLED, maxTokens: undefined });
    assertEquals(tokens.length, 64 - PROMPT.length);
  }, { pages: 2, contextTokens: 64 }));

Deno.test("speculation: an abort between any two tokens ends the answer there, and leaves no page", () =>
  opened(async (engine) => {
    const { scheduler } = engine;
    const options = { ...SAMPLED, temperature: 0, reusePrefix: false };
    const expected = (await answer(engine, { ...options, speculation: "off" })).tokens;
    for (let count = 1; count < 25; count++) {
      const abort = new AbortController();
      const generator = { scheduler, endIds: new Set<number>(), defaults: {} };
      const run = generate(generator, PROMPT, { ...options, signal: abort.signal });
      for (let i = 0; i < count; i++) assertEquals((await run.next()).value, expected[i]);
      abort.abort(new Error("enough"));
      await assertRejects(() => run.next(), Error, "enough");
      assertEquals(scheduler.cache.usedPages, 0);
    }
    for (const after of [2, 5, 9]) { // while a step is under way
      const abort = new AbortController();
      const last = engine.decoder.steps + after;
      engine.decoder.onStep = () => {
        if (engine.decoder.steps === last) abort.abort(new Error("now"));
      };
      await assertRejects(() => answer(engine, { ...options, signal: abort.signal }), Error, "now");
      assertEquals(scheduler.cache.usedPages, 0);
    }
  }));

Deno.test("speculation: turns itself off where texts hardly ever go on as before, or many decode at once", () =>
  opened(async (engine) => {
    const dice = Object.fromEntries(Array.from({ length: 14 }, (_, i) => [20 + i, 90]));
    const options = { temperature: 5, logitBias: dice, reusePrefix: false, maxTokens: 400 };
    const { end } = await answer(engine, { ...options, seed: 1 });
    const { draftedTokens } = end.timings;
    assert(draftedTokens > 5 && draftedTokens < 60, `${draftedTokens} drafted`);
    const few = { ...SAMPLED, maxTokens: 60, reusePrefix: false };
    const answers = await Promise.all(
      [1, 2, 3, 4, 5].map((seed) => answer(engine, { ...few, seed })),
    );
    assertEquals(answers.map(({ end }) => end.timings.draftedTokens), [0, 0, 0, 0, 0]);
  }));

Deno.test("generate: speculation that is no word of its own is refused", () =>
  opened(async (engine) => {
    const wrong = { speculation: "on" } as unknown as GenerateOptions;
    await assertRejects(
      () => answer(engine, wrong),
      RangeError,
      "speculation is on, it must be auto, lookup, mtp or off",
    );
  }));
