/** The layer for multi-token prediction: its logits and guesses against the float64 twin, and answers that it drafts, which are those without it. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { makeBatch } from "../../packages/runtime/src/batch.ts";
import { guessTokens } from "../../packages/runtime/src/engine/speculation/guess_tokens.ts";
import type { GenerateOptions } from "../../packages/runtime/src/events.ts";
import { PAGE_TOKENS } from "../../packages/runtime/src/kv_cache.ts";
import type { MultiToken } from "../../packages/runtime/src/model/language_model.ts";
import type { Draw } from "../../packages/runtime/src/ops.ts";
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
import { type ModelSpec, withFolder, writeModel } from "../support/edited_model.ts";
import { FixtureModel } from "../support/fixture_model.ts";
import { Float64Twin } from "../support/float64/model.ts";
import { readPlainModel } from "../support/float64/weights.ts";
import { foreseeingModel, multiTokenModel } from "../support/multi_token_model.ts";
import { assertSameBytes } from "../support/same_bytes.ts";
import { seededRandom } from "../support/seeded_random.ts";
import { F32_NMSE, nmse } from "../support/tolerance.ts";

const GREEDY: Omit<Draw, "position"> = {
  ...{ temperature: 0, topK: 0, topP: 1, minP: 0, seed: [0, 0], choice: 0 },
};
const MODELS: Readonly<Record<string, () => Promise<ModelSpec>>> = {
  "a random layer": () => multiTokenModel(),
  "a layer that shares all it may": () => multiTokenModel([]),
  "a foreseeing layer": () => foreseeingModel(0.2),
};

/** Ids with no pattern. */
function someIds(length: number): number[] {
  return Array.from({ length }, (_, i) => (i * i * 7 + i * 31 + length) % 380);
}

function layerOf({ model }: FixtureModel): MultiToken {
  if (!model.multiToken) throw new TypeError("The model has no layer for multi-token prediction");
  return model.multiToken;
}

/** Feeds one sequence in chunks; gives the layer's logits of all tokens whose next one is fed with them, `[T - 1, V]`. */
async function layerLogits(open: FixtureModel, ids: readonly number[], chunk: number) {
  const { ops } = open.backend;
  const cache = open.cache();
  const sequence = cache.create();
  const parts: number[] = [];
  for (let start = 0; start < ids.length; start += chunk) {
    const own = ids.slice(start, start + chunk);
    const after = ids.slice(start + 1, start + own.length + 1);
    cache.extend(sequence, own.length);
    using _step = ops.scope();
    const main = makeBatch([{ sequence, ids: own, firstPosition: start }]);
    const hidden = open.model.forward(ops, main.ids, main.batch, cache);
    if (after.length === 0) continue;
    const { batch, ids: next } = makeBatch([{ sequence, ids: after, firstPosition: start }]);
    const rows = ops.selectRows(hidden, after.map((_, i) => i));
    const states = layerOf(open).forward({ ops, batch, cache }, rows, next);
    for (const value of await ops.read(ops.linear(states, layerOf(open).head))) parts.push(value);
  }
  return Float32Array.from(parts);
}

for (const [name, make] of Object.entries(MODELS)) {
  Deno.test(`multi-token prediction: ${name} has the twin's logits, in whole and in chunks`, () =>
    withFolder(async (folder) => {
      const path = writeModel(folder, await make());
      const twin = new Float64Twin(await readPlainModel(path));
      await using open = await FixtureModel.open(path);
      for (const length of [2, 33, 70]) {
        const ids = someIds(length);
        const error = nmse(await open.logits(ids), twin.pass(ids).logits);
        assert(error <= F32_NMSE, `${length} tokens: NMSE ${error}`);
        const logits = await layerLogits(open, ids, Infinity);
        const own = nmse(logits, twin.guesses(ids));
        assert(own <= F32_NMSE, `${length} tokens: NMSE ${own} of the layer`);
        for (const chunk of [1, 7, 32]) {
          assertSameBytes(await layerLogits(open, ids, chunk), logits, `chunks of ${chunk}`);
        }
      }
    }));
}

Deno.test("multi-token prediction: both forms of attention over latents agree", () =>
  withFolder(async (folder) => {
    const path = writeModel(folder, await multiTokenModel());
    await using absorbed = await FixtureModel.open(path);
    await using naive = await FixtureModel.open(path, { latentForm: "naive" });
    const ids = someIds(40);
    const [one, other] = [await layerLogits(absorbed, ids, 9), await layerLogits(naive, ids, 9)];
    const error = nmse(one, other);
    assert(error > 0 && error <= F32_NMSE, `NMSE ${error}`);
  }));

/** The best token of the last row. */
function best(logits: Float64Array, vocabulary: number): number {
  const last = logits.slice(-vocabulary);
  return last.indexOf(Math.max(...last));
}

Deno.test("multi-token prediction: guesses of guesses are those of the twin, and leave no page", () =>
  withFolder(async (folder) => {
    const path = writeModel(folder, await multiTokenModel());
    const twin = new Float64Twin(await readPlainModel(path));
    await withEngine(async ({ decoder, scheduler: { cache } }) => {
      const { vocabulary } = decoder.model.config;
      for (const length of [3, 30, 31, 64]) {
        const ids = someIds(length + 1);
        const wanted: number[] = [];
        for (let depth = 0; depth < 4; depth++) {
          wanted.push(best(twin.guesses([...ids, ...wanted], depth), vocabulary));
        }
        const sequence = cache.create();
        let state = new Float32Array();
        const draws = [{ ...GREEDY, position: length }];
        await decoder.step(cache, [{
          ...{ sequence, ids: ids.slice(0, length), draws },
          onStates: (states) => void (state = Float32Array.from(states)),
        }]);
        const pages = cache.usedPages;
        const guesses = await guessTokens(decoder.model, decoder.ops, cache, [{
          ...{ sequence, state, id: ids[length], most: 4, isOpen: () => true },
          drawAfter: () => draws[0],
        }]);
        assertEquals(guesses, [wanted], `${length} tokens`);
        assertEquals([sequence.length, cache.usedPages], [length, pages]);
      }
    }, { file: path });
  }));

async function withModel(
  spec: ModelSpec,
  run: (engine: Engine) => Promise<void>,
  more: Omit<EngineOptions, "file"> = {},
): Promise<void> {
  await withFolder((folder) => withEngine(run, { file: writeModel(folder, spec), ...more }));
}

const SAMPLED: GenerateOptions = { temperature: 3, seed: 4, logitBias: FEW, maxTokens: 60 };
const SETTINGS: Readonly<Record<string, GenerateOptions>> = {
  "greedy": { temperature: 0, logitBias: { 5: 1.5, 6: 1.5, 7: 1.5, 8: 1.5 }, maxTokens: 60 },
  "greedy over all tokens": { temperature: 0, maxTokens: 60 },
  "temperature": SAMPLED,
  "truncation": { ...SAMPLED, topK: 3, topP: 0.9, minP: 0.05, topLogprobs: 4 },
  "penalties": {
    ...{ ...SAMPLED, repeatPenalty: 1.02, repeatLastTokens: 7 },
    ...{ presencePenalty: 0.3, frequencyPenalty: 0.1, topLogprobs: 2 },
  },
};

for (const [name, make] of Object.entries(MODELS)) {
  Deno.test(`multi-token prediction: ${name} drafts the answers that come without`, async () => {
    await withModel(await make(), async (engine) => {
      const sums = { accepted: 0, rejected: 0 };
      for (const options of Object.values(SETTINGS)) {
        for (const seed of [1, 2]) {
          for (const speculation of ["mtp", "auto", "lookup"] as const) {
            const same = await checkSame(engine, { ...options, seed, speculation });
            if (speculation !== "mtp") continue;
            sums.accepted += same.accepted;
            sums.rejected += same.rejected;
          }
        }
      }
      assert(sums.accepted > 20 && sums.rejected > 20, JSON.stringify(sums));
    });
  });
}

Deno.test("multi-token prediction: a layer that foresees all saves a step a guess, several at a time", async () => {
  await withModel(await foreseeingModel(0), async (engine) => {
    const options = { temperature: 0.8, seed: 3, maxTokens: 90 } as const;
    const { tokens, end } = await answer(engine, { ...options, speculation: "mtp" });
    const { draftedTokens, acceptedTokens } = end.timings;
    assertEquals(engine.decoder.steps, tokens.length - acceptedTokens);
    assert(acceptedTokens > 50, `${acceptedTokens} of ${draftedTokens}`);
    assert(acceptedTokens >= 0.95 * draftedTokens, `${acceptedTokens} of ${draftedTokens}`);
    assertEquals((await answer(engine, { ...options, speculation: "off" })).tokens, tokens);
  });
});

Deno.test("multi-token prediction: with most guesses wrong it rests, and costs no step", async () => {
  await withModel(await multiTokenModel(), async (engine) => {
    const options = { temperature: 0, maxTokens: 300, speculation: "mtp" } as const;
    const { tokens, end } = await answer(engine, options);
    const { draftedTokens, acceptedTokens } = end.timings;
    assertEquals(engine.decoder.steps, tokens.length - acceptedTokens);
    assert(draftedTokens > 3 && draftedTokens < 60, `${draftedTokens} drafted`);
  });
});

Deno.test("multi-token prediction: limits of length, context, end and forced tokens hold as without", async () => {
  const spec = await foreseeingModel(0.1);
  await withModel(spec, async (engine) => {
    for (let maxTokens = 0; maxTokens < 30; maxTokens++) {
      await checkSame(engine, { ...SAMPLED, temperature: 1, maxTokens });
      assert(engine.decoder.longest <= PROMPT.length + Math.max(0, maxTokens - 1));
    }
    for (const end of [5, 6, 7, 8]) {
      const ends = () => ({ endIds: new Set([end]) });
      await checkSame(engine, { ...SAMPLED, minTokens: 12 }, ends);
    }
    for (const at of [1, 8, 9, 10, 11]) {
      let asked = 0;
      const forcing = () => {
        asked = 0;
        return forcingGuide(() => [at, at + 1].includes(asked++) ? 6 + at % 3 : undefined);
      };
      const { tokens } = await checkSame(engine, SAMPLED, forcing);
      assertEquals(tokens[at].id, 6 + at % 3);
    }
  });
  for (const contextTokens of [31, 32, 33, 65]) {
    await withModel(spec, async (engine) => {
      const full = { ...SAMPLED, maxTokens: undefined };
      assertEquals((await checkSame(engine, full)).tokens.length, contextTokens - PROMPT.length);
      await checkSame(engine, { ...SAMPLED, onFullContext: "slide", maxTokens: 150 });
      assertEquals(engine.decoder.longest, contextTokens);
    }, { contextTokens });
  }
});

/** Prompts of the few tokens; some begin alike. */
function prompts(count: number): number[][] {
  const random = seededRandom(12);
  const few = (length: number) => Array.from({ length }, () => 5 + random(4));
  const shared = few(40);
  return Array.from({ length: count }, (_, i) => {
    const own = few(5 + random(60));
    return i % 2 === 0 ? [...shared, ...own] : own;
  });
}

Deno.test("multi-token prediction: sequences at once draw what each draws alone, forked, taken away or not", async () => {
  const spec = await foreseeingModel(0.1);
  const all = prompts(6);
  const setting = (i: number): GenerateOptions => {
    const settings = Object.values(SETTINGS);
    const ways = ["mtp", "auto", "lookup", "off"] as const;
    const own = { seed: i, maxTokens: 40 + 10 * i, speculation: ways[i % 4] };
    return { ...settings[i % settings.length], temperature: 0.5, ...own };
  };
  const alone = new Map<number, unknown>();
  await withModel(spec, async (engine) => {
    for (const [i, prompt] of all.entries()) {
      const plain = { ...setting(i), reusePrefix: false, speculation: "off" } as const;
      alone.set(i, (await answer(engine, plain, { prompt })).tokens);
    }
  });
  for (const pages of [Infinity, 256 / PAGE_TOKENS]) {
    await withModel(spec, async (engine) => {
      for (const count of [2, 3, 6]) {
        const some = all.slice(0, count);
        const answers = await Promise.all(
          some.map((prompt, i) => answer(engine, setting(i), { prompt })),
        );
        for (const [i, { tokens }] of answers.entries()) assertEquals(tokens, alone.get(i));
        if (count < 4) assert(answers.some(({ end }) => end.timings.acceptedTokens > 0));
        assert(engine.scheduler.cache.usedPages <= pages);
      }
    }, { pages, contextTokens: 256, guessCost: 0 }); // in a model this small guesses are dear
  }
});

Deno.test("multi-token prediction: keys of the layer are the same bits, fed whole, in answers or after forks", async () => {
  const spec = await multiTokenModel();
  await withModel(spec, async ({ decoder, scheduler }) => {
    const { cache } = scheduler;
    const ids = someIds(3 * PAGE_TOKENS + 1);
    const whole = cache.create();
    await decoder.step(cache, [{ sequence: whole, ids }]);
    const expected = await cache.readPages(whole, 3);
    // each token is fed by itself or in a chunk, drawn, and followed by the one that is wanted
    for (const [shared, chunk] of [[0, 1], [0, 5], [40, 3], [64, 7]]) {
      const before = scheduler.open();
      await scheduler.advance(before, [...ids.slice(0, shared), 3, 4, 5], draw(shared + 3));
      scheduler.close(before);
      const running = scheduler.open({ sharesPrefixes: shared > 0 });
      let start = 0;
      for (let end = shared + 2; start < ids.length; start = end, end += chunk) {
        end = Math.min(end, ids.length);
        const forced = ids[end];
        await scheduler.advance(running, ids.slice(start, end), { ...draw(end), forced });
      }
      assertEquals(running.reusedTokens, Math.max(0, shared - 1));
      if (!running.sequence) throw new TypeError("The sequence has no pages");
      const pages = await cache.readPages(running.sequence, 3);
      pages.forEach((page, i) =>
        assertSameBytes(page, expected[i], `page ${i}, ${shared}, ${chunk}`)
      );
      scheduler.close(running);
      scheduler.forget();
    }
  });
});

Deno.test("multi-token prediction: keys after answers with right and wrong guesses are those of their tokens", async () => {
  const spec = await multiTokenModel();
  for (const rows of [9, 256]) { // where prompts are cut, and where not
    await withModel(spec, async (engine) => {
      const { decoder, scheduler } = engine;
      const prompt = someIds(40);
      const options = { ...SAMPLED, maxTokens: 60, speculation: "mtp" } as const;
      const { tokens, end } = await answer(engine, options, { prompt });
      const { draftedTokens, acceptedTokens } = end.timings;
      assert(acceptedTokens > 5 && acceptedTokens < draftedTokens - 5);
      const ids = [...prompt, ...tokens.map(({ id }) => id)];
      const running = scheduler.open();
      await scheduler.advance(running, ids, draw(ids.length));
      assertEquals(running.reusedTokens, ids.length - 2); // the last token was drawn and not fed
      const whole = scheduler.cache.create();
      await decoder.step(scheduler.cache, [{ sequence: whole, ids }]);
      if (!running.sequence) throw new TypeError("The sequence has no pages");
      const pages = await scheduler.cache.readPages(running.sequence, 3);
      const expected = await scheduler.cache.readPages(whole, 3);
      pages.forEach((page, i) => assertSameBytes(page, expected[i], `page ${i}, ${rows} rows`));
    }, { rows });
  }
});

function draw(position: number): Draw {
  return { ...GREEDY, position };
}

Deno.test("multi-token prediction: an abort between any two tokens ends the answer there, and leaves no page", async () => {
  await withModel(await foreseeingModel(0), async (engine) => {
    const { scheduler, decoder } = engine;
    const options = { temperature: 0, maxTokens: 40, reusePrefix: false } as const;
    for (const after of [1, 2, 3, 5, 9]) { // while a step is under way
      const abort = new AbortController();
      const last = decoder.steps + after;
      decoder.onStep = () => {
        if (decoder.steps === last) abort.abort(new Error("now"));
      };
      await assertRejects(() => answer(engine, { ...options, signal: abort.signal }), Error, "now");
      assertEquals(scheduler.cache.usedPages, 0);
    }
  });
});
