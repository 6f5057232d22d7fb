/** Tests of scoring given tokens: what drawing says, across chunks; refusals. Runs a fixture on the wasm backend. */
import { assertEquals, assertRejects } from "@std/assert";
import { fixturePath } from "../../../../../tests/support/fixture.ts";
import { FixtureModel } from "../../../../../tests/support/fixture_model.ts";
import { ContextFullError } from "../../errors.ts";
import type { KvCache } from "../../kv_cache.ts";
import type { Draw } from "../../ops.ts";
import { CHUNK_ROWS, Decoder } from "../decoder.ts";
import { type ScoreSteps, scoreTokens } from "./score.ts";
import { StepSize } from "../step_size.ts";

const FILE = fixturePath("models/llama_untied/gguf/model-F32.gguf");
const GREEDY: Draw = {
  ...{ temperature: 0, topK: 0, topP: 1, minP: 0 },
  ...{ seed: [5, 0], choice: 0, position: 75 },
};
const IDS = Array.from({ length: 75 }, (_, i) => (i * i * 7 + i * 31) % 380);

function score(
  decoder: Decoder,
  cache: KvCache,
  ids: readonly number[],
  steps?: ScoreSteps,
): Promise<Float32Array> {
  return scoreTokens(decoder, cache, ids, new StepSize(Infinity), steps);
}

async function opened(
  run: (decoder: Decoder, open: FixtureModel) => Promise<void>,
  contextTokens = 512,
): Promise<void> {
  await using open = await FixtureModel.open(FILE);
  await run(new Decoder(open.model, open.backend.ops, contextTokens), open);
}

Deno.test("scoreTokens: is what drawing token by token says, across chunks", () =>
  opened(async (decoder, open) => {
    const ids = Array.from({ length: CHUNK_ROWS + 20 }, (_, i) => (i * i * 3 + i * 17) % 380);
    const cache = open.cache();
    const rows: Float32Array[] = [];
    const onLogits = (logits: Float32Array) => void rows.push(logits);
    const logprobs = await score(decoder, cache, ids, { onLogits });
    assertEquals(logprobs.length, ids.length - 1);
    assertEquals(rows.map(({ length }) => length / 384), [16, CHUNK_ROWS, 4]);
    assertEquals(await score(decoder, cache, ids), logprobs);
    assertEquals(cache.usedPages, 0);
    for (const t of [1, 40, CHUNK_ROWS, ids.length - 1]) {
      const feed = { sequence: cache.create(), ids: ids.slice(0, t), draws: [GREEDY] };
      const [drawn] = await decoder.step(cache, [feed]);
      const scored = await score(decoder, cache, [...ids.slice(0, t), drawn.id]);
      assertEquals(scored.at(-1), drawn.logprob, `${t}`);
    }
  }));

Deno.test("scoreTokens: a refusal and an abort leave no page behind", () =>
  opened(async (decoder, open) => {
    const cache = open.cache();
    await assertRejects(() => score(decoder, cache, [1, 384]), RangeError, "Token id 384");
    await assertRejects(() => score(decoder, cache, [...IDS, ...IDS]), ContextFullError);
    const signal = AbortSignal.abort(new Error("enough"));
    await assertRejects(() => score(decoder, cache, IDS, { signal }), Error, "enough");
    const onLogits = () => {
      throw new Error("disk full");
    };
    await assertRejects(() => score(decoder, cache, IDS, { onLogits }), Error, "disk full");
    assertEquals(cache.usedPages, 0);
    assertEquals(await score(decoder, cache, []), new Float32Array());
    assertEquals(await score(decoder, cache, [3]), new Float32Array());
  }, 100));
