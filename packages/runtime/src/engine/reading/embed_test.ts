/** Tests of embed.ts: poolings of the reference's states, steps and mates that change no bit, few pages, refusals. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { FixedSize, WatchedDecoder } from "../../../../../tests/support/counted_engine.ts";
import { fixtureJson, fixturePath } from "../../../../../tests/support/fixture.ts";
import { FixtureModel } from "../../../../../tests/support/fixture_model.ts";
import { readSafetensors } from "../../../../../tests/support/safetensors.ts";
import { F32_NMSE, nmse } from "../../../../../tests/support/tolerance.ts";
import { ContextFullError, ModelError, UnsupportedError } from "../../errors.ts";
import { Metadata } from "../../gguf/mod.ts";
import type { KvCache } from "../../kv_cache.ts";
import { Decoder } from "../decoder.ts";
import { generate } from "../generate.ts";
import { Scheduler } from "../scheduler.ts";
import { embedAll, embedTokens, readEmbeddingForm } from "./embed.ts";

const MODELS = ["llama_untied", "qwen2", "deepseek_v3"];
const [MEAN, FIRST, LAST] = [1, 2, 3];

/** A model with a context of 256 tokens, over a cache of `pages`; by default that context's worth. */
async function opened(
  model: string,
  run: (decoder: WatchedDecoder, cache: KvCache) => Promise<void>,
  pages = 8,
): Promise<void> {
  const path = fixturePath(`models/${model}/gguf/model-F32.gguf`);
  await using open = await FixtureModel.open(path);
  const cache = open.backend.createCache(open.model.kvShape("f32"), pages);
  await run(new WatchedDecoder(open.model, open.backend.ops, 256), cache);
  assertEquals(cache.usedPages, 0);
}

const scheduler = (decoder: Decoder, cache: KvCache, rows = 256) =>
  new Scheduler(decoder, cache, new FixedSize(rows));

function embed(
  decoder: Decoder,
  cache: KvCache,
  ids: readonly number[],
  poolingType: number,
  rows?: number,
): Promise<Float32Array> {
  return embedTokens(scheduler(decoder, cache, rows), ids, { poolingType });
}

/** The pooled rows of `[T, C]`, in float64. */
function pooled(states: Float32Array, width: number, poolingType: number): number[] {
  const tokens = states.length / width;
  const rows = { [MEAN]: [...Array(tokens).keys()], [FIRST]: [0], [LAST]: [tokens - 1] };
  const sum = Array.from(
    { length: width },
    (_, i) => rows[poolingType].reduce((total, row) => total + states[row * width + i], 0),
  );
  const length = Math.hypot(...sum);
  return sum.map((x) => x / length);
}

for (const model of MODELS) {
  Deno.test(`embedTokens: the reference's last states of ${model}, pooled, in any chunks`, () =>
    opened(model, async (decoder, cache) => {
      const { prompts } = fixtureJson<{ prompts: { name: string; ids: number[] }[] }>(
        `models/${model}/expected.json`,
      );
      const { ids } = prompts.find(({ name }) => name === "text_0")!;
      const file = fixturePath(`models/${model}/hidden_text_0.safetensors`);
      const { layers, width } = decoder.model.config;
      const states = readSafetensors(file).get(`hidden_${layers}`)!.values;
      assertEquals(states.length, ids.length * width);
      const vectors = new Set<string>();
      for (const type of [MEAN, FIRST, LAST]) {
        const vector = await embed(decoder, cache, ids, type);
        assert(nmse(vector, pooled(states, width, type)) <= F32_NMSE, `pooling ${type}`);
        assert(Math.abs(Math.hypot(...vector) - 1) < 1e-6);
        vectors.add(vector.join());
        for (const rows of [1, 7, 32]) {
          assertEquals(await embed(decoder, cache, ids, type, rows), vector);
        }
      }
      assertEquals(vectors.size, 3);
    }));
}

/** Tokens that do not begin like those of another seed. */
const textOf = (length: number, seed: number) =>
  Array.from({ length }, (_, i) => (i * i + 7 * i + seed) % 380);

Deno.test("embedAll: many are what each is alone, and short ones share steps", () =>
  opened("llama_untied", async (decoder, cache) => {
    for (const lengths of [[1, 30, 64, 99], Array<number>(40).fill(5), [200, 3, 256, 1, 1]]) {
      const texts = lengths.map(textOf);
      const alone = [];
      for (const ids of texts) alone.push(await embed(decoder, cache, ids, MEAN));
      const all = (rows: number) =>
        embedAll(scheduler(decoder, cache, rows), texts, { poolingType: MEAN });
      assertEquals(await all(9), alone);
      decoder.steps = 0;
      assertEquals(await all(256), alone);
      const tokens = lengths.reduce((sum, length) => sum + length, 0);
      assert(decoder.steps <= Math.ceil(tokens / 256) + 1, `${decoder.steps} steps`);
    }
    assertEquals(await embedAll(scheduler(decoder, cache), [], { poolingType: MEAN }), []);
  }, 64));

Deno.test("embedAll: takes no more pages than the cache has, nor does an answer beside it", () =>
  opened("llama_untied", async (decoder, cache) => {
    const prompt = textOf(60, 9);
    const texts = [250, 256, 90, 90, 90].map(textOf);
    const options = { temperature: 0, maxTokens: 100, ignoreEnd: true, reusePrefix: false };
    const answer = async (on: Scheduler) => {
      const generator = { scheduler: on, endIds: new Set<number>(), defaults: {} };
      return (await Array.fromAsync(generate(generator, prompt, options))).map(({ id }) => id);
    };
    const alone = await answer(scheduler(decoder, cache));
    const vectors = [];
    for (const ids of texts) vectors.push(await embed(decoder, cache, ids, MEAN));
    let most = 0;
    decoder.onStep = () => most = Math.max(most, cache.usedPages);
    for (const rows of [8, 32, 256]) {
      const on = scheduler(decoder, cache, rows);
      const embedded = [texts.slice(0, 2), texts.slice(2)].map((some) =>
        embedAll(on, some, { poolingType: MEAN })
      );
      const [ids, first, second] = await Promise.all([answer(on), ...embedded]);
      assertEquals([ids, [...first, ...second]], [alone, vectors]);
    }
    assert(most > 4 && most <= 8, `${most} pages`);
  }));

Deno.test("embedTokens: what is fed again, since an older prompt took its pages, counts once", () =>
  opened("llama_untied", async (decoder, cache) => {
    const [older, ids] = [textOf(250, 1), textOf(120, 2)];
    const vector = await embed(decoder, cache, ids, MEAN);
    decoder.steps = 0;
    const on = scheduler(decoder, cache, 16);
    const first = on.open({ sharesPrefixes: false });
    await on.feed(first, older.slice(0, 40));
    let rest: Promise<void> | undefined;
    decoder.onStep = () => {
      if (decoder.steps === 7) rest = on.feed(first, older.slice(40));
    };
    const embedded = embedTokens(on, ids, { poolingType: MEAN });
    assertEquals(await embedded, vector);
    await rest;
    on.close(first);
    assert(decoder.steps > Math.ceil((250 + 120) / 16) + 1, `${decoder.steps} steps`);
  }));

Deno.test("embedTokens: refusals and an abort leave no page behind", () =>
  opened("llama_untied", async (decoder, cache) => {
    const long = Array<number>(257).fill(5);
    const full = await assertRejects(() => embed(decoder, cache, long, MEAN), ContextFullError);
    assert(full instanceof ContextFullError);
    assertEquals([full.usedTokens, full.limitTokens], [257, 256]);
    assertEquals((await embed(decoder, cache, long.slice(1), MEAN)).length, 64);
    await assertRejects(() => embed(decoder, cache, [], MEAN), RangeError, "an empty prompt");
    await assertRejects(() => embed(decoder, cache, [1, 999], MEAN), RangeError, "Token id 999");
    await assertRejects(() => embed(decoder, cache, [0.5], MEAN), RangeError, "Token id 0.5");
    for (const type of [4, 17]) {
      const refused = () => embed(decoder, cache, [1], type);
      await assertRejects(refused, UnsupportedError, `pooling_type=${type}`);
    }
    const abort = new AbortController();
    const options = { poolingType: MEAN, signal: abort.signal };
    decoder.onStep = () => abort.abort(new Error("enough"));
    const aborted = () => embedTokens(scheduler(decoder, cache, 8), long.slice(1), options);
    await assertRejects(aborted, Error, "enough");
  }));

Deno.test("embedTokens: a state that is not finite is the model's error", () =>
  opened("llama_untied", async (decoder, cache) => {
    const { model } = decoder;
    const broken = new Decoder(
      {
        ...model,
        forward: (ops, ids, ...rest) => {
          const states = model.forward(ops, ids, ...rest);
          const bad = ops.tensor(new Float32Array(states.shape[0] * 64).fill(NaN), states.shape);
          return ids.includes(9) ? ops.add(states, bad) : states;
        },
      },
      decoder.ops,
      256,
    );
    assertEquals((await embed(broken, cache, [1, 2], MEAN)).length, 64);
    const failing = () => embed(broken, cache, [1, 2, 3, 4, 9], MEAN, 4);
    await assertRejects(failing, ModelError, "not finite for position 5");
  }));

Deno.test("readEmbeddingForm: what the file says, else the mean of the text as it is", () => {
  const read = (values: Record<string, number | boolean>) =>
    readEmbeddingForm("qwen3", Metadata.from(values));
  assertEquals(read({}), { poolingType: 1, addEos: false });
  const form = { "qwen3.pooling_type": 3, "tokenizer.ggml.add_eos_token": true };
  assertEquals(read(form), { poolingType: 3, addEos: true });
});
