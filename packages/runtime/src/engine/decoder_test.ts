/** Tests of forward passes: several sequences in a step, refusals that append nothing. Runs a fixture on the wasm backend. */
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { fixturePath } from "../../../../tests/support/fixture.ts";
import { FixtureModel } from "../../../../tests/support/fixture_model.ts";
import { MemoryError } from "../errors.ts";
import type { Draw } from "../ops.ts";
import { Decoder } from "./decoder.ts";

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

async function opened(run: (decoder: Decoder, open: FixtureModel) => Promise<void>): Promise<void> {
  await using open = await FixtureModel.open(FILE);
  await run(new Decoder(open.model, open.backend.ops, 512), open);
}

Deno.test("Decoder.step: any cuts of a sequence, beside any others, draw the same token with the same bits", () =>
  opened(async (decoder, open) => {
    const cache = open.cache();
    const [whole] = await decoder.step(cache, [{
      sequence: cache.create(),
      ids: IDS,
      draws: [DRAW],
    }]);
    for (const rows of [1, 7, 32, 74]) {
      const [sequence, other] = [cache.create(), cache.create()];
      let drawn = [whole];
      for (let start = 0; start < IDS.length; start += rows) {
        const ids = IDS.slice(start, start + rows);
        const draws = start + rows >= IDS.length ? [DRAW] : [];
        const beside = {
          sequence: other,
          ids: [start % 380, 5],
          draws: [{ ...DRAW, position: 3 }],
        };
        drawn = await decoder.step(cache, [beside, { sequence, ids, draws }]);
      }
      assertEquals(drawn.length, 2);
      assertEquals(drawn[1], whole, `cuts of ${rows}`);
      assertEquals(sequence.length, IDS.length);
    }
  }));

Deno.test("Decoder.step: more draws than logits fit at once come in the order of their feeds", () =>
  opened(async (decoder, open) => {
    const cache = open.cache();
    const alone: unknown[] = [];
    const greedy = { ...DRAW, temperature: 0 };
    for (let i = 0; i < 12; i++) {
      const feed = { sequence: cache.create(), ids: IDS.slice(i, 2 * i + 1), draws: [greedy] };
      alone.push(...await decoder.step(cache, [feed]));
    }
    const narrow = new Decoder(open.model, open.backend.ops, 512, 5 * 4 * 384);
    const feeds = Array.from({ length: 12 }, (_, i) => ({
      sequence: cache.create(),
      ids: IDS.slice(i, 2 * i + 1),
      draws: [greedy],
    }));
    assertEquals(await narrow.step(cache, feeds), alone);
  }));

Deno.test("Decoder.step: draws after several tokens of a feed are those of a step each", () =>
  opened(async (decoder, open) => {
    const cache = open.cache();
    const [one, two, beside] = [cache.create(), cache.create(), cache.create()];
    const draws = [0, 1, 2].map((i) => ({ ...DRAW, position: 71 + i, alternatives: i }));
    const single: unknown[] = [];
    await decoder.step(cache, [{ sequence: one, ids: IDS.slice(0, 70) }]);
    for (const [i, draw] of draws.entries()) {
      const feed = { sequence: one, ids: IDS.slice(70 + i, 71 + i), draws: [draw] };
      single.push(...await decoder.step(cache, [feed]));
    }
    const first = { sequence: beside, ids: [1, 2], draws: [DRAW] };
    const drawn = await decoder.step(cache, [first, {
      ...{ sequence: two, ids: IDS.slice(0, 73), draws },
    }]);
    assertEquals(
      drawn.slice(1).map(({ id, logprob }) => [id, logprob]),
      single.map((token) => {
        const { id, logprob } = token as typeof drawn[0];
        return [id, logprob];
      }),
    );
    assertEquals(drawn[3].alternatives?.length, 2);
  }));

Deno.test("Decoder.step: a cache that may not grow leaves every sequence as it was", () =>
  opened(async (decoder, open) => {
    const cache = open.backend.createCache(open.model.kvShape("f32"), 3);
    const [one, two] = [cache.create(), cache.create()];
    await decoder.step(cache, [{ sequence: one, ids: IDS.slice(0, 20) }]);
    const feeds = [{ sequence: one, ids: IDS.slice(20, 40) }, { sequence: two, ids: IDS }];
    await assertRejects(() => decoder.step(cache, feeds), MemoryError, "cache is full");
    assertEquals([one.length, two.length, cache.usedPages], [20, 0, 1]);
    const other = open.cache();
    const whole = { sequence: other.create(), ids: IDS, draws: [DRAW] };
    const rest = { sequence: one, ids: IDS.slice(20), draws: [DRAW] };
    assertEquals(await decoder.step(cache, [rest]), await decoder.step(other, [whole]));
  }));

Deno.test("Decoder.checkIds: refuses what is no id of the vocabulary", () =>
  opened((decoder) => {
    for (const id of [384, -1, 0.5, NaN, 2 ** 32]) {
      const message = `Token id ${id} is outside the vocabulary of 384`;
      assertThrows(() => decoder.checkIds([1, 2, id]), RangeError, message);
    }
    decoder.checkIds([0, 383]);
    return Promise.resolve();
  }));
