/** Tests of feeding a model: chunks, refusals that append nothing, scoring. Runs a fixture on the wasm backend. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { fixturePath } from "../../../tests/support/fixture.ts";
import { FixtureModel } from "../../../tests/support/fixture_model.ts";
import { CHUNK_ROWS, Decoder } from "./decoder.ts";
import { ContextFullError } from "./errors.ts";
import type { Draw } from "./ops.ts";

const FILE = fixturePath("models/llama_untied/gguf/model-F32.gguf");
const DRAW: Draw = {
  temperature: 1,
  topK: 0,
  topP: 1,
  minP: 0,
  seed: [5, 0],
  choice: 0,
  position: 75,
};
const IDS = Array.from({ length: 75 }, (_, i) => (i * i * 7 + i * 31) % 380);

async function opened(
  run: (decoder: Decoder, open: FixtureModel) => Promise<void>,
  contextTokens = 512,
): Promise<void> {
  await using open = await FixtureModel.open(FILE);
  await run(new Decoder(open.model, open.backend.ops, contextTokens), open);
}

Deno.test("Decoder.extend: any chunks and any cuts draw the same token with the same bits", () =>
  opened(async (decoder, open) => {
    const cache = open.cache();
    const whole = await decoder.extend(cache, cache.create(), IDS, DRAW);
    for (const rows of [1, 7, 32, 74, 75]) {
      const sequence = cache.create();
      const drawn = await decoder.extend(cache, sequence, IDS, DRAW, undefined, rows);
      assertEquals([drawn, sequence.length], [whole, 75], `chunks of ${rows}`);
    }
    const sequence = cache.create();
    await decoder.extend(cache, sequence, IDS.slice(0, 40), DRAW);
    assertEquals(
      await decoder.extend(cache, sequence, Int32Array.from(IDS.slice(40)), DRAW),
      whole,
    );
  }));

Deno.test("Decoder.extend: a refusal appends nothing", () =>
  opened(async (decoder, open) => {
    const cache = open.cache();
    const sequence = cache.create();
    await decoder.extend(cache, sequence, IDS.slice(0, 60), DRAW);
    const expected = await decoder.extend(cache, cache.fork(sequence), [1, 2], DRAW);
    const pages = cache.usedPages;
    const long = [...IDS, ...IDS];
    await assertRejects(() => decoder.extend(cache, sequence, long, DRAW), ContextFullError);
    for (const id of [384, -1, 0.5, NaN, 2 ** 32]) {
      // in the last of several chunks
      const run = () => decoder.extend(cache, sequence, [1, 2, 3, id], DRAW, undefined, 1);
      await assertRejects(run, RangeError, `Token id ${id} is outside the vocabulary of 384`);
    }
    await assertRejects(
      () => decoder.extend(cache, sequence, [], DRAW),
      RangeError,
      "empty prompt",
    );
    assertEquals([sequence.length, cache.usedPages], [60, pages]);
    assertEquals(await decoder.extend(cache, sequence, [1, 2], DRAW), expected);
  }, 200));

Deno.test("Decoder.extend: fills the context to the last token and no further", () =>
  opened(async (decoder, open) => {
    const cache = open.cache();
    const sequence = cache.create();
    await decoder.extend(cache, sequence, IDS, DRAW);
    const error = await assertRejects(() => decoder.extend(cache, sequence, [1], DRAW));
    assert(error instanceof ContextFullError);
    assertEquals([error.usedTokens, error.limitTokens], [76, 75]);
  }, 75));

Deno.test("Decoder.extend: an abort between chunks is thrown", () =>
  opened(async (decoder, open) => {
    const cache = open.cache();
    const signal = AbortSignal.abort(new Error("enough"));
    await assertRejects(
      () => decoder.extend(cache, cache.create(), IDS, DRAW, signal),
      Error,
      "enough",
    );
  }));

Deno.test("Decoder.score: is what drawing token by token says, across chunks", () =>
  opened(async (decoder, open) => {
    const ids = Array.from({ length: CHUNK_ROWS + 20 }, (_, i) => (i * i * 3 + i * 17) % 380);
    const cache = open.cache();
    const rows: Float32Array[] = [];
    const logprobs = await decoder.score(cache, ids, { onLogits: (logits) => rows.push(logits) });
    assertEquals(logprobs.length, ids.length - 1);
    assertEquals(rows.map(({ length }) => length / 384), [CHUNK_ROWS, 20]);
    assertEquals(await decoder.score(cache, ids), logprobs);
    assertEquals(cache.usedPages, 0);
    const greedy = { ...DRAW, temperature: 0 };
    for (const t of [1, 40, CHUNK_ROWS, ids.length - 1]) {
      const drawn = await decoder.extend(cache, cache.create(), ids.slice(0, t), greedy);
      const scored = await decoder.score(cache, [...ids.slice(0, t), drawn.ids[0]]);
      assertEquals(scored.at(-1), drawn.logprobs[0], `${t}`);
    }
  }));

Deno.test("Decoder.score: a refusal and an abort leave no page behind", () =>
  opened(async (decoder, open) => {
    const cache = open.cache();
    await assertRejects(() => decoder.score(cache, [1, 384]), RangeError, "Token id 384");
    await assertRejects(() => decoder.score(cache, [...IDS, ...IDS]), ContextFullError);
    const signal = AbortSignal.abort(new Error("enough"));
    await assertRejects(() => decoder.score(cache, IDS, { signal }), Error, "enough");
    const onLogits = () => {
      throw new Error("disk full");
    };
    await assertRejects(() => decoder.score(cache, IDS, { onLogits }), Error, "disk full");
    assertEquals(cache.usedPages, 0);
    assertEquals(await decoder.score(cache, []), new Float32Array());
    assertEquals(await decoder.score(cache, [3]), new Float32Array());
  }, 100));
