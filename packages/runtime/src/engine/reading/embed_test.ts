/** Tests of embed.ts: poolings of the reference's states, chunks and mates that change no bit, refusals. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { FixedSize } from "../../../../../tests/support/counted_engine.ts";
import { fixtureJson, fixturePath } from "../../../../../tests/support/fixture.ts";
import { FixtureModel } from "../../../../../tests/support/fixture_model.ts";
import { readSafetensors } from "../../../../../tests/support/safetensors.ts";
import { F32_NMSE, nmse } from "../../../../../tests/support/tolerance.ts";
import { ContextFullError, ModelError, UnsupportedError } from "../../errors.ts";
import { Metadata } from "../../gguf/mod.ts";
import type { KvCache } from "../../kv_cache.ts";
import { Decoder } from "../decoder.ts";
import { embedTokens, readEmbeddingForm } from "./embed.ts";

const MODELS = ["llama_untied", "qwen2", "deepseek_v3"];
const [MEAN, FIRST, LAST] = [1, 2, 3];

async function opened(
  model: string,
  run: (decoder: Decoder, cache: KvCache) => Promise<void>,
): Promise<void> {
  const path = fixturePath(`models/${model}/gguf/model-F32.gguf`);
  await using open = await FixtureModel.open(path);
  const cache = open.cache();
  await run(new Decoder(open.model, open.backend.ops, 256), cache);
  assertEquals(cache.usedPages, 0);
}

function embed(
  decoder: Decoder,
  cache: KvCache,
  ids: readonly number[],
  poolingType: number,
  rows = 256,
): Promise<Float32Array> {
  return embedTokens(decoder, cache, ids, new FixedSize(rows), { poolingType });
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

Deno.test("embedTokens: many at once are what each is alone", () =>
  opened("llama_untied", async (decoder, cache) => {
    const texts = [1, 30, 64, 99].map((length, seed) =>
      Array.from({ length }, (_, i) => (i * i + 7 * i + seed) % 380)
    );
    const alone = [];
    for (const ids of texts) alone.push(await embed(decoder, cache, ids, MEAN));
    assertEquals(await Promise.all(texts.map((ids) => embed(decoder, cache, ids, MEAN, 9))), alone);
    assertEquals(await embed(decoder, cache, texts[0], LAST), alone[0]);
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
    const size = new FixedSize(8);
    size.took = () => abort.abort(new Error("enough"));
    const fitting = long.slice(1);
    await assertRejects(() => embedTokens(decoder, cache, fitting, size, options), Error, "enough");
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
    await assertRejects(failing, ModelError, "not finite from position 4 on");
  }));

Deno.test("readEmbeddingForm: what the file says, else the mean of the text as it is", () => {
  const read = (values: Record<string, number | boolean>) =>
    readEmbeddingForm("qwen3", Metadata.from(values));
  assertEquals(read({}), { poolingType: 1, addEos: false });
  const form = { "qwen3.pooling_type": 3, "tokenizer.ggml.add_eos_token": true };
  assertEquals(read(form), { poolingType: 3, addEos: true });
});
