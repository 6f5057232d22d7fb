/** Same bits whatever the threads, the batch, the chunks and the prefix; same sums in all artifacts. No reference numbers. */
import { assert, assertEquals } from "@std/assert";
import { readdirSync } from "node:fs";
import { VARIANTS } from "../../packages/runtime/src/backend/wasm/core.ts";
import { fixturePath } from "../support/fixture.ts";
import { FixtureModel } from "../support/fixture_model.ts";
import { ARTIFACT_NMSE, F16_CACHE_NMSE, nmse, Q8_CACHE_NMSE } from "../support/tolerance.ts";

const BLOCKS = "models/llama_k256/gguf";
const FILES = [
  "models/llama_untied/gguf/model-F32.gguf",
  "models/llama_untied/gguf/model-F16.gguf",
  "models/llama_untied/gguf/model-Q8_0.gguf",
  "models/llama_tied_llama3rope/gguf/model-F16.gguf",
  "models/qwen2/gguf/model-F32.gguf",
  "models/qwen3/gguf/model-Q8_0.gguf",
  "models/qwen3_moe/gguf/model-Q8_0.gguf",
  "models/deepseek_v3/gguf/model-F32.gguf",
  "models/deepseek_v3/gguf/model-Q8_0.gguf",
  "models/deepseek_v2_lite/gguf/model-F32-legacy.gguf",
  "models/deepseek_v3_k256/gguf/model-Q4_K_M.gguf",
  // every block format that is here
  ...readdirSync(fixturePath(BLOCKS)).sort().map((name) => `${BLOCKS}/${name}`),
];

/** Ids with no pattern that a sequence of blocks could hide. */
function idsOf(length: number, seed: number): number[] {
  return Array.from({ length }, (_, i) => (i * i * 7 + i * 31 + seed * 101) % 380);
}

const IDS = idsOf(75, 1);

for (const file of FILES) {
  Deno.test(`${file}: 1 thread = 2 threads`, async () => {
    await using one = await FixtureModel.open(fixturePath(file), { threads: 1 });
    await using two = await FixtureModel.open(fixturePath(file), { threads: 2 });
    assertEquals(await two.logits(IDS), await one.logits(IDS));
  });

  Deno.test(`${file}: batch of 1 = batch of 5, cached = without cache`, async () => {
    await using open = await FixtureModel.open(fixturePath(file));
    const others = [3, 33, 64, 12].map((length, i) => idsOf(length, i + 2));
    const alone = await open.logits(IDS);
    const cache = open.cache();
    const mixed = [others[0], others[1], IDS, others[2], others[3]];
    const cached = await open.feed(cache, mixed.map((ids) => ({ sequence: cache.create(), ids })));
    assertEquals(cached[2], alone);
    assertEquals(cached[1], await open.logits(others[1]));
    const free = await open.feed(null, mixed.map((ids) => ({ sequence: null, ids })));
    assertEquals(free[2], alone);
  });

  Deno.test(`${file}: whole prompt = chunks of 7 = one by one = forked from a prefix`, async () => {
    await using open = await FixtureModel.open(fixturePath(file));
    const whole = await open.logits(IDS);
    const row = whole.length / IDS.length;
    for (const size of [7, 1]) {
      const cache = open.cache("f32");
      const sequence = cache.create();
      for (let start = 0; start < IDS.length; start += size) {
        const [part] = await open.feed(cache, [{ sequence, ids: IDS.slice(start, start + size) }]);
        assertEquals(part, whole.slice(start * row, start * row + part.length));
      }
    }
    await checkForks(open, whole, row);
  });
}

const CACHES = [
  { type: "f16", file: "models/llama_untied/gguf/model-F32.gguf", most: F16_CACHE_NMSE },
  { type: "q8_0", file: `${BLOCKS}/model-BF16.gguf`, most: Q8_CACHE_NMSE },
  { type: "f16", file: "models/deepseek_v3_noqlora/gguf/model-F32.gguf", most: F16_CACHE_NMSE },
] as const;

for (const { type, file, most } of CACHES) {
  Deno.test(`${type} cache: threads, chunks, forks and mates change no bit, rounding stays small`, async () => {
    await using open = await FixtureModel.open(fixturePath(file), { threads: 2 });
    const feed = async (sizes: readonly number[]): Promise<Float32Array> => {
      const cache = open.cache(type);
      let sequence = cache.create();
      const parts: number[] = [];
      let start = 0;
      for (const size of sizes) {
        sequence = cache.fork(sequence);
        const ids = IDS.slice(start, start + size);
        const mate = { sequence: cache.create(), ids: idsOf(size + 3, 5) };
        const [, logits] = await open.feed(cache, [mate, { sequence, ids }]);
        for (const value of logits) parts.push(value);
        start += size;
      }
      return Float32Array.from(parts);
    };
    const whole = await feed([75]);
    assertEquals(await feed([7, 33, 1, 30, 4]), whole);
    await using one = await FixtureModel.open(fixturePath(file), { threads: 1 });
    const cache = one.cache(type);
    assertEquals(await one.feed(cache, [{ sequence: cache.create(), ids: IDS }]), [whole]);
    const error = nmse(whole, await open.logits(IDS));
    assert(error > 0 && error <= most, `NMSE ${error}`);
  });
}

/** Forks inside a page and at its border; the parent and a second child go on with other tokens meanwhile. */
async function checkForks(open: FixtureModel, whole: Float32Array, row: number): Promise<void> {
  for (const prefix of [40, 64]) {
    const cache = open.cache();
    const parent = cache.create();
    await open.feed(cache, [{ sequence: parent, ids: IDS.slice(0, 70) }]);
    const child = cache.fork(parent, prefix);
    const stranger = cache.fork(parent, prefix);
    const [, own] = await open.feed(cache, [
      { sequence: stranger, ids: idsOf(9, 9) },
      { sequence: child, ids: IDS.slice(prefix) },
      { sequence: parent, ids: idsOf(5, 8) },
    ]);
    assertEquals(own, whole.slice(prefix * row));
    cache.clear();
    assertEquals(cache.usedPages, 0);
  }
}

for (const file of FILES) {
  Deno.test(`${file}: the three artifacts agree`, async () => {
    const logits: Float32Array[] = [];
    for (const variant of VARIANTS) {
      await using open = await FixtureModel.open(fixturePath(file), { variant });
      assertEquals(open.backend.variant, variant);
      logits.push(await open.logits(IDS));
    }
    for (const other of logits.slice(1)) {
      const error = nmse(other, logits[0]);
      assert(error <= ARTIFACT_NMSE, `NMSE ${error}`);
    }
    // Neither plain build fuses, so they agree to the bit.
    assertEquals(logits[2], logits[1]);
  });
}
