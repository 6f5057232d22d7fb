/** Tests of sampling.ts on every artifact: adjusted rows, alternatives, raw log-probabilities, refusals. How often which token
 * is drawn is tested in tests/parity/sampler_test.ts. */
import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { assertWithin, eachCore } from "../../../../../tests/support/core_values.ts";
import { seededRandom } from "../../../../../tests/support/seeded_random.ts";
import {
  DRAW_BORDER,
  KERNEL_RELATIVE,
  LOGPROB_RELATIVE,
} from "../../../../../tests/support/tolerance.ts";
import { type Draw, type Drawn, NONE_LEFT, NOT_FINITE, type Ops } from "../../ops.ts";
import { createWasmBackend } from "./backend.ts";
import { VARIANTS } from "./core.ts";
import { adjustmentRecord } from "./sampling.ts";

const GREEDY: Draw = {
  temperature: 0,
  topK: 0,
  topP: 1,
  minP: 0,
  seed: [1, 2],
  choice: 0,
  position: 3,
};

/** Random logits on a grid of 1/64: many are equal, and bias and penalties of such steps are exact. */
function gridRow(length: number, seed: number): Float32Array {
  const random = seededRandom(seed);
  return Float32Array.from({ length }, () => (random(1024) - 512) / 64);
}

async function eachOps(run: (ops: Ops, variant: string) => Promise<void>): Promise<void> {
  for (const variant of VARIANTS) {
    const backend = await createWasmBackend({ variant, threads: 1 });
    await run(backend.ops, variant);
    await backend.close();
  }
}

async function sample(ops: Ops, row: ArrayLike<number>, ...draws: Draw[]): Promise<Drawn> {
  using _step = ops.scope();
  const rows = Float32Array.from(draws.flatMap(() => Array.from(row)));
  const logits = ops.tensor(rows, [draws.length, row.length]);
  const drawn = await ops.sample(logits, draws);
  assertEquals(await ops.read(logits), rows, "the logits stay as they are");
  return drawn;
}

/** Every third token biased, every second one recent, every fifth in the answer; maybe all but every seventh masked out. */
function adjusting(
  vocabulary: number,
  repeat: number,
  presence: number,
  frequency: number,
  isMasked = false,
): Draw {
  const ids = Array.from({ length: vocabulary }, (_, id) => id);
  const some = (step: number, value: (id: number) => number) =>
    new Map(ids.filter((id) => id % step === 0).map((id) => [id, value(id)]));
  const [recent, answered] = [some(2, () => 1), some(5, (id) => 1 + id % 7)];
  const bias = some(3, (id) => id % 4 === 0 ? -Infinity : (id % 64 - 32) / 8);
  const penalties = { repeat, recent, presence, frequency, answered };
  const allowed = maskOf(vocabulary, (id) => id % 7 === 1);
  return { ...GREEDY, ...(isMasked ? { allowed } : {}), bias, penalties };
}

/** A bit for each token that may come. */
function maskOf(vocabulary: number, mayCome: (id: number) => boolean): Uint32Array {
  const words = new Uint32Array(Math.ceil(vocabulary / 32));
  for (let id = 0; id < vocabulary; id++) if (mayCome(id)) words[id >> 5] |= 1 << (id & 31);
  return words;
}

/** What `adjusting` makes of a row, in float64. */
function adjustedRow(row: Float32Array, { allowed, bias, penalties }: Draw): number[] {
  assert(bias && penalties);
  return Array.from(row, (logit, id) => {
    if (allowed && (allowed[id >> 5] >> (id & 31) & 1) === 0) return -Infinity;
    let x = logit + (bias.get(id) ?? 0);
    if (penalties.recent.has(id)) x = x > 0 ? x / penalties.repeat : x * penalties.repeat;
    const count = penalties.answered.get(id) ?? 0;
    return x - (count > 0 ? penalties.presence : 0) - count * penalties.frequency;
  });
}

Deno.test("adjusted: a mask, bias, repeat, presence and frequency as in float64, exact where float32 is", async () => {
  await eachCore((values, variant) => {
    const cases = [[2, 0.5, 0.25], [0.5, -0.5, 0], [1, 0, -0.125], [1.3, 0.7, -0.11]];
    for (const vocab of [1, 4, 7, 33, 1001]) {
      for (const [repeat, presence, frequency] of cases.map((part) => part.map(Math.fround))) {
        const row = gridRow(vocab, vocab);
        const draw = adjusting(vocab, repeat, presence, frequency, vocab % 4 === 1 && repeat !== 2);
        const record = adjustmentRecord(draw);
        assert(record);
        const [logits, at, out] = [values.f32(row), values.i32(record), values.room(vocab)];
        assertEquals(values.exports.adjusted(logits, vocab, at, out), 0);
        const got = values.read(out, vocab);
        const isExact = repeat !== Math.fround(1.3);
        const tolerance = isExact ? {} : { relative: KERNEL_RELATIVE, absolute: KERNEL_RELATIVE };
        const what = `${variant} ${vocab} ${repeat}`;
        assertWithin(got, adjustedRow(row, draw), tolerance, what);
        assertEquals(values.exports.adjusted_scalar(logits, vocab, at, out), 0);
        assertWithin(values.read(out, vocab), got, tolerance, `${what}: the scalar twin`);
        assertEquals(values.read(logits, vocab), row, "the logits stay as they are");
      }
    }
  });
});

Deno.test("draw: from the adjusted row, as its scalar twin", async () => {
  await eachCore((values, variant) => {
    const { exports } = values;
    let [near, all] = [0, 0];
    for (const [vocab, isMasked] of [[2, false], [33, false], [33, true], [1001, true]] as const) {
      const draw = adjusting(vocab, 1.5, 0.5, 0.25, isMasked);
      const record = adjustmentRecord(draw) as Uint32Array;
      const [logits, at] = [values.f32(gridRow(vocab, vocab)), values.i32(record)];
      for (
        const [temperature, topK, topP, minP] of [[0, 0, 1, 0], [1, 0, 1, 0], [2, 9, 0.9, 0.1]]
      ) {
        for (let position = 0; position < 50; position++) {
          const how = [at, temperature, topK, topP, minP, 1, 2, 0, position] as const;
          all++;
          if (exports.draw_margin(logits, vocab, ...how) < DRAW_BORDER) near++;
          else {
            const id = exports.draw(logits, vocab, ...how);
            if (isMasked) assertEquals(id % 7, 1);
            assertEquals(id, exports.draw_scalar(logits, vocab, ...how), `${variant} ${how}`);
          }
        }
      }
    }
    assert(near * 50 < all, `${near} of ${all} draws were left out`);
  });
});

Deno.test("draw: the number drawn with is Philox of seed, choice and position", async () => {
  await eachCore((values) => {
    const logits = values.f32(new Float32Array(4096));
    const drawn = (low: number, high: number, choice: number, position: number) =>
      values.exports.draw(logits, 4096, 0, 1, 0, 1, 0, low, high, choice, position);
    for (const [low, high, choice, position] of [[7, 0, 0, 9], [7, 0, 1, 9], [7, 1, 5, 2 ** 31]]) {
      const u = values.exports.philox_uniform(low, high, position, choice, 0, 0);
      assertEquals(drawn(low, high, choice, position), Math.floor(4096 * u));
    }
    assertNotEquals(drawn(7, 0, 0, 9), drawn(7, 0, 1, 9), "another choice, another token");
    assertNotEquals(drawn(7, 0, 0, 9), drawn(7, 1, 0, 9));
  });
});

Deno.test("sample: alternatives are the best of a full sort, with raw log-probabilities", () =>
  eachOps(async (ops, variant) => {
    for (const vocab of [1, 5, 33, 1001]) {
      const row = gridRow(vocab, vocab);
      const total = row.reduce((sum, x) => sum + Math.exp(x), 0);
      const sorted = Array.from(row.keys()).sort((a, b) => row[b] - row[a] || a - b);
      const draws = [20, 0, 1, vocab].map((alternatives) => ({ ...GREEDY, alternatives }));
      const drawn = await sample(ops, row, ...draws);
      assert(drawn.alternatives);
      drawn.alternatives.forEach((best, i) => {
        const want = sorted.slice(0, draws[i].alternatives);
        assertEquals(best.map(({ id }) => id), want, `${variant} ${vocab}`);
        const exact = want.map((id) => row[id] - Math.log(total));
        const tolerance = { relative: LOGPROB_RELATIVE, absolute: LOGPROB_RELATIVE };
        assertWithin(best.map(({ logprob }) => logprob), exact, tolerance, `${variant} ${vocab}`);
        if (best.length > 0) assertEquals(best[0].logprob, drawn.logprobs[i], "greedy: the best");
      });
    }
    const none = await sample(ops, [1, 2], GREEDY);
    assertEquals(Object.keys(none), ["ids", "logprobs"]);
  }));

Deno.test("sample: a mask, bias and penalties turn the choice, never a log-probability", () =>
  eachOps(async (ops) => {
    const row = [1, 4, 3, 2];
    const raw = await sample(ops, row, ...row.map((_, id) => ({ ...GREEDY, forced: id })));
    const recent = new Map([[1, 2]]);
    const none = new Map<number, number>();
    const penalties = { repeat: 1, recent, presence: 0, frequency: 0, answered: none };
    const cases: [Partial<Draw>, number][] = [
      [{}, 1],
      [{ bias: new Map([[0, 3.5]]) }, 0],
      [{ bias: new Map([[1, -Infinity]]) }, 2],
      [{ bias: new Map([[1, -Infinity], [2, -Infinity], [0, -Infinity]]) }, 3],
      [{ penalties: { ...penalties, repeat: 1.5 } }, 2],
      [{ penalties: { ...penalties, repeat: 1.25 } }, 1],
      [{ penalties: { ...penalties, answered: recent, presence: 1.5 } }, 2],
      [{ penalties: { ...penalties, answered: recent, frequency: 0.75 } }, 2],
      [{ penalties: { ...penalties, answered: recent, frequency: 0.25 } }, 1],
      [{ penalties: { ...penalties, frequency: 2, presence: 2 } }, 1],
      [{ bias: new Map([[1, -Infinity]]), forced: 1 }, 1],
      [{ allowed: maskOf(4, (id) => id !== 1) }, 2],
      [{ allowed: maskOf(4, (id) => id === 0) }, 0],
      [{ allowed: maskOf(4, () => true) }, 1],
      [{ allowed: maskOf(4, (id) => id !== 1), temperature: 1, topK: 1 }, 2],
      [{ allowed: maskOf(4, (id) => id !== 1), temperature: 1, topP: 0 }, 2],
      [{ allowed: maskOf(4, (id) => id === 3), temperature: 5, minP: 0.99 }, 3],
      [{ allowed: maskOf(4, (id) => id !== 1), bias: new Map([[1, 100], [0, 3.5]]) }, 0],
      [{ allowed: maskOf(4, (id) => id !== 1), penalties: { ...penalties, repeat: 0.01 } }, 2],
      [{ allowed: maskOf(4, (id) => id !== 1), forced: 1 }, 1],
    ];
    const drawn = await sample(ops, row, ...cases.map(([part]) => ({ ...GREEDY, ...part })));
    assertEquals([...drawn.ids], cases.map(([, id]) => id));
    assertEquals([...drawn.logprobs], cases.map(([, id]) => raw.logprobs[id]));
  }));

Deno.test("sample: a row that leaves nothing to draw says why in place of an id, and stops no other", () =>
  eachOps(async (ops) => {
    const drawn = async (row: number[], part: Partial<Draw>) => {
      using _scope = ops.scope();
      const logits = ops.tensor(new Float32Array([...row, ...row.map((_, i) => i)]), [
        2,
        row.length,
      ]);
      const { ids, logprobs } = await ops.sample(logits, [{ ...GREEDY, ...part }, GREEDY]);
      assertEquals(ids[1], row.length - 1);
      assert(Number.isNaN(logprobs[0]) && Number.isFinite(logprobs[1]));
      return ids[0];
    };
    for (const temperature of [0, 1]) {
      const all = new Map([0, 1, 2].map((id) => [id, -Infinity]));
      assertEquals(await drawn([1, 2, 3], { temperature, bias: all }), NONE_LEFT);
      for (const bad of [NaN, Infinity]) {
        for (const bias of [undefined, all, new Map([[0, 1]])]) {
          assertEquals(await drawn([1, bad, 3], { temperature, bias }), NOT_FINITE);
        }
        const allowed = Uint32Array.of(1);
        assertEquals(await drawn([1, bad, 3], { temperature, allowed }), NOT_FINITE);
      }
      for (const bits of [0, 8]) {
        const allowed = Uint32Array.of(bits);
        assertEquals(await drawn([1, 2, 3], { temperature, allowed }), NONE_LEFT);
      }
      for (const id of [3, -1, 2 ** 31]) {
        const bias = new Map([[id, 1]]);
        const unknown = await assertRejects(() =>
          Promise.resolve().then(() => sample(ops, [1, 2, 3], { ...GREEDY, temperature, bias }))
        );
        assert(unknown instanceof RangeError && unknown.message.includes("vocabulary of 3"));
      }
      const allowed = new Uint32Array(2).fill(7);
      const wrong = await assertRejects(() =>
        Promise.resolve().then(() => sample(ops, [1, 2, 3], { ...GREEDY, temperature, allowed }))
      );
      assert(wrong instanceof RangeError && wrong.message.includes("mask"));
    }
    assertEquals(await drawn([1, 2], { forced: 2 }), NOT_FINITE);
  }));

Deno.test("drawRows: the tokens of sample with the bits of tokenLogprobs, forced ones too", async () => {
  await eachOps(async (ops, variant) => {
    const [rows, vocabulary] = [70, 129];
    const row = gridRow(rows * vocabulary, 5);
    const keys = Uint32Array.from({ length: 4 * rows }, (_, i) => i * 77 % 13);
    const forced = Int32Array.from({ length: rows }, (_, i) => i % 5 === 4 ? i : -1);
    const allowed = maskOf(vocabulary, (id) => id % 3 !== 1);
    const shapes = [
      { ...GREEDY, temperature: 1 },
      { ...GREEDY, temperature: 0.7, topK: 20, topP: 0.9, minP: 0.01 },
      GREEDY,
    ];
    for (const { temperature, topK, topP, minP } of shapes) {
      for (const changes of [{}, { allowed }]) {
        using _step = ops.scope();
        const logits = ops.tensor(row, [rows, vocabulary]);
        const shape = { temperature, topK, topP, minP, ...changes };
        const draws = Array.from({ length: rows }, (_, i): Draw => {
          const [low, high, choice, position] = keys.subarray(4 * i);
          const own = { ...shape, seed: [low, high] as const, choice, position };
          return forced[i] < 0 ? own : { ...own, forced: forced[i] };
        });
        const wanted = await ops.sample(logits, draws);
        const { ids, logprobs } = await ops.drawRows(logits, { ...shape, keys, forced });
        assertEquals(ids, wanted.ids, variant);
        if (temperature === 1 || temperature === 0) {
          assertEquals(logprobs, wanted.logprobs, variant);
        } else assertNotEquals(logprobs, wanted.logprobs, variant);
      }
    }
  });
});

Deno.test("drawRows: rows without a token stop no other, and what does not fit is refused", async () => {
  await eachOps(async (ops) => {
    using _step = ops.scope();
    const logits = ops.tensor(Float32Array.of(0, 1, NaN, 0, 2, 1), [3, 2]);
    const shape = { temperature: 0, topK: 0, topP: 1, minP: 0, keys: new Uint32Array(12) };
    assertEquals((await ops.drawRows(logits, shape)).ids, Int32Array.of(1, NOT_FINITE, 0));
    const none = { ...shape, allowed: Uint32Array.of(0) };
    const { ids } = await ops.drawRows(logits, { ...none, forced: Int32Array.of(-1, -1, 1) });
    assertEquals(ids, Int32Array.of(NONE_LEFT, NOT_FINITE, 1));
    for (
      const wrong of [
        { ...shape, forced: Int32Array.of(-1, 2, -1) },
        { ...shape, allowed: Uint32Array.of(1, 1) },
        { ...shape, keys: new Uint32Array(11) },
      ]
    ) {
      await assertRejects(async () => await ops.drawRows(logits, wrong), RangeError);
    }
  });
});
