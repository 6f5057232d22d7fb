/** The ops of latent attention over the waist: same bits for any threads, cuts, forks, mates and pages out of a file. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { numbers } from "../../../../../tests/support/core_pages.ts";
import { makeBatch } from "../../batch.ts";
import { UnsupportedError } from "../../errors.ts";
import { type CachedSequence, KV_TYPES, type KvCache } from "../../kv_cache.ts";
import type { Backend } from "../../ops.ts";
import type { Tensor, Weight } from "../../tensor.ts";
import { createWasmBackend } from "./backend.ts";

const LAYER = 1;
const HEADS = 6;
const [RANK, ROTARY_SIZE] = [48, 16];
const KEY_SIZE = RANK + ROTARY_SIZE;
const SHAPE = { layers: 2, kvHeads: 1, keySize: KEY_SIZE, valueSize: 0 };
const ATTENTION = { layer: LAYER, heads: HEADS, rank: RANK, rotarySize: ROTARY_SIZE, scale: 0.125 };
const ROWS = 75;
const Q = numbers(ROWS * HEADS * KEY_SIZE, 2, 1);
const LATENT = numbers(ROWS * KEY_SIZE, 2, 2);

/** Rows `start..start + length` of Q and LATENT. */
interface Cut {
  readonly sequence: CachedSequence | null;
  readonly start: number;
  readonly length: number;
}

/** Attends for cuts in one batch; gives the rows of each. */
async function attend(
  { ops }: Backend,
  cache: KvCache | null,
  cuts: readonly Cut[],
): Promise<Float32Array[]> {
  for (const { sequence, length } of cuts) if (sequence) cache?.extend(sequence, length);
  const { batch } = makeBatch(cuts.map(({ sequence, start, length }) => ({
    ...{ sequence, firstPosition: start },
    ids: new Int32Array(length),
  })));
  const rows = (of: Float32Array, width: number): Tensor => {
    const parts = cuts.map(({ start, length }) =>
      of.slice(start * width, (start + length) * width)
    );
    return ops.tensor(Float32Array.from(parts.flatMap((part) => [...part])), [batch.rows, width]);
  };
  const reading = (() => {
    using _step = ops.scope();
    const [q, latent] = [rows(Q, HEADS * KEY_SIZE), rows(LATENT, KEY_SIZE)];
    return ops.read(ops.latentAttend(q, latent, batch, cache, ATTENTION));
  })();
  const out = await reading;
  const width = HEADS * RANK;
  return batch.segments.map(({ start, length }) =>
    out.slice(start * width, (start + length) * width)
  );
}

async function withBackend(
  threads: number,
  run: (backend: Backend) => Promise<void>,
): Promise<void> {
  const backend = await createWasmBackend({ threads, maxBytes: 256 << 20 });
  try {
    await run(backend);
  } finally {
    await backend.close();
  }
}

for (const type of KV_TYPES) {
  Deno.test(`latentAttend, ${type}: threads, chunks, forks, mates and pages out of a file change no bit`, async () => {
    const all: Float32Array[] = [];
    for (const threads of [1, 2]) {
      await withBackend(threads, async (backend) => {
        const cache = backend.createCache({ ...SHAPE, type });
        const whole = { sequence: cache.create(), start: 0, length: ROWS };
        const [want] = await attend(backend, cache, [whole]);
        assert(want.every(Number.isFinite));
        all.push(want);
        const width = HEADS * RANK;
        for (const size of [1, 7, 33]) {
          let sequence = cache.create();
          for (let start = 0; start < ROWS; start += size) {
            sequence = cache.fork(sequence);
            const length = Math.min(size, ROWS - start);
            const mate = { sequence: cache.create(), start: 0, length: 3 };
            const [others, own] = await attend(backend, cache, [mate, { sequence, start, length }]);
            assertEquals(own, want.slice(start * width, (start + length) * width));
            assertEquals(others, want.slice(0, 3 * width));
          }
        }
        const pages = await cache.readPages(whole.sequence, 2);
        const read = cache.createFrom(pages);
        const [rest] = await attend(backend, cache, [{ sequence: read, start: 64, length: 11 }]);
        assertEquals(rest, want.slice(64 * width));
      });
    }
    assertEquals(all[0], all[1]);
  });
}

Deno.test("latentAttend: without a cache as with one of f32, and as attend over keys and values apart", async () => {
  await withBackend(2, async (backend) => {
    const { ops } = backend;
    const cache = backend.createCache({ ...SHAPE, type: "f32" });
    const cut = { start: 0, length: ROWS };
    const [cached] = await attend(backend, cache, [{ ...cut, sequence: cache.create() }]);
    const [free, mate] = await attend(backend, null, [
      { ...cut, sequence: null },
      { sequence: null, start: 0, length: 5 },
    ]);
    assertEquals(free, cached);
    assertEquals(mate, cached.slice(0, mate.length));
    const { batch } = makeBatch([{ sequence: null, ids: new Int32Array(ROWS), firstPosition: 0 }]);
    const apart = (() => {
      using _step = ops.scope();
      const [q, k] = [
        ops.tensor(Q, [ROWS, HEADS * KEY_SIZE]),
        ops.tensor(LATENT, [ROWS, KEY_SIZE]),
      ];
      const [v] = ops.splitHeads(k, 1, [RANK, ROTARY_SIZE]);
      const sizes = { kvHeads: 1, keySize: KEY_SIZE, valueSize: RANK };
      return ops.read(ops.attend(q, k, v, batch, null, { ...ATTENTION, ...sizes }));
    })();
    assertEquals(await apart, cached);
  });
});

Deno.test("headLinear, splitHeads, joinHeads: heads keep their places, and what does not fit is refused", async () => {
  await withBackend(2, async ({ ops, loadWeight }) => {
    const [rows, heads, cols, outputs] = [5, 3, 12, 16];
    const [x, w] = [numbers(rows * heads * cols, 1, 3), numbers(heads * outputs * cols, 1, 4)];
    const load = (name: string, from: Float32Array, count: number) => {
      const bytes = new Uint8Array(from.buffer, from.byteOffset, from.byteLength);
      const stored = { name, type: "F32", rows: count, cols, sizeBytes: bytes.length };
      return loadWeight(stored, (offset, into) => {
        into.set(bytes.subarray(offset, offset + into.length));
        return Promise.resolve();
      });
    };
    const weight = await load("heads", w, heads * outputs);
    const alone: Weight[] = [];
    for (let h = 0; h < heads; h++) {
      const own = w.slice(h * outputs * cols, (h + 1) * outputs * cols);
      alone.push(await load(`head ${h}`, own, outputs));
    }
    const odd = await load("odd", w.slice(0, 36 * cols), 36);
    const reading = (() => {
      using _step = ops.scope();
      const input = ops.tensor(x, [rows, heads * cols]);
      const products = ops.splitHeads(input, 1, [cols, cols, cols])
        .map((part, h) => ops.linear(part, alone[h]));
      const pairs = ops.splitHeads(input, heads, [8, 4]);
      assertEquals(pairs.map(({ shape }) => shape[1]), [heads * 8, heads * 4]);
      assertThrows(() => ops.headLinear(input, weight, 2), RangeError);
      assertThrows(() => ops.splitHeads(input, heads, [8, 5]), RangeError);
      assertThrows(() => ops.joinHeads(pairs, heads, [8, 5]), RangeError);
      const [half] = ops.splitHeads(input, 1, [2 * cols, cols]);
      assertThrows(() => ops.headLinear(half, odd, 2), UnsupportedError, "2 heads of odd [36, 12]");
      const one = ops.tensor(x.slice(0, rows), [rows, 1]);
      return Promise.all([
        ops.headLinear(input, weight, heads),
        ops.joinHeads(products, 1, products.map(() => outputs)),
        ops.joinHeads(pairs, heads, [8, 4]),
        ops.joinHeads([pairs[1], one], heads, [4, 1]),
      ].map((tensor) => ops.read(tensor)));
    })();
    const [got, apart, joined, shared] = await reading;
    assertEquals(got, apart);
    assertEquals(joined, x);
    const last = shared.filter((_, i) => i % 5 === 4);
    assertEquals([...last], [...x.slice(0, rows)].flatMap((value) => [value, value, value]));
  });
});
