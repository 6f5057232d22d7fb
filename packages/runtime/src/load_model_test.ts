/** Seeded fuzzing of loading whole models: whatever the bytes, an answer of finite numbers or an error of ours. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { readFileSync } from "node:fs";
import { fixturePath } from "../../../tests/support/fixture.ts";
import { seededRandom } from "../../../tests/support/seeded_random.ts";
import { GgufError, MemoryError, ModelError, UnsupportedError } from "./errors.ts";
import { loadModel } from "./load_model.ts";

const FILE = new Uint8Array(
  readFileSync(fixturePath("models/llama_untied/gguf/model-Q8_0.gguf")),
);
/** First byte of the tensor list, and of the tensors' data. */
const LIST_START = 8_455;
const DATA_START = 9_632;
/** A sound model of this size loads in about 30 ms. */
const LIMIT_MS = 5_000;

/** The fixture with a few bytes of a stretch changed. */
function mutated(random: (limit: number) => number, start: number, end: number) {
  const bytes = FILE.slice();
  for (let i = 1 + random(3); i > 0; i--) {
    const at = start + random(end - start);
    const kinds = [random(256), bytes[at] ^ (1 << random(8)), 0, 255];
    bytes[at] = kinds[random(kinds.length)];
  }
  return bytes;
}

/** Loads and uses a model; gives whether it answered. */
async function answers(bytes: Uint8Array<ArrayBuffer>): Promise<boolean> {
  try {
    await using model = await loadModel(new Blob([bytes]), { threads: 1 });
    const { logprobs } = await model.complete([1, 2, 3], {
      maxTokens: 2,
      seed: 1,
      ignoreEnd: true,
    });
    assertEquals(logprobs.length, 2);
    assert(logprobs.every((value) => value <= 0 && Number.isFinite(value)), `${logprobs}`);
    return true;
  } catch (error) {
    const ours = [GgufError, MemoryError, ModelError, UnsupportedError];
    if (!ours.some((type) => error instanceof type)) throw error;
    assert(!(error as Error).message.includes("\n"), (error as Error).message);
    return false;
  }
}

const STRETCHES: readonly [string, number, number, number][] = [
  ["the metadata", 0, LIST_START, 300],
  ["the list of tensors", LIST_START, DATA_START, 200],
  ["the weights", DATA_START, FILE.length, 60],
];
for (const [what, start, end, count] of STRETCHES) {
  Deno.test(`loadModel: ${count} files with damage in ${what}`, async () => {
    const random = seededRandom(start + 1);
    let answered = 0;
    for (let i = 0; i < count; i++) {
      const begin = performance.now();
      if (await answers(mutated(random, start, end))) answered++;
      const tookMs = performance.now() - begin;
      assert(tookMs < LIMIT_MS, `file ${i} took ${tookMs} ms`);
    }
    assert(answered > 0 && answered < count, `${answered} of ${count} answered`);
  });
}

Deno.test("loadModel: options that nobody has code for are refused by name", async () => {
  const load = (options: Record<string, unknown>) => () => loadModel(new Blob([FILE]), options);
  for (const option of [{ kvType: "q4_0" }, { backend: "webgpu" }, { variant: "nope" }]) {
    await assertRejects(load(option), UnsupportedError, Object.keys(option)[0]);
  }
  for (const threads of [NaN, 0, -3, 1.5]) {
    await assertRejects(load({ threads }), RangeError, `threads is ${threads}`);
  }
  await assertRejects(load({ threads: "2" }), RangeError, 'threads is "2"');
  for (const memoryBytes of [NaN, 0, -1]) {
    await assertRejects(load({ memoryBytes }), RangeError, `memoryBytes is ${memoryBytes}`);
  }
  await assertRejects(load({ memoryBytes: "1e9" }), RangeError, 'memoryBytes is "1e9"');
});

Deno.test("loadModel: a budget below what the model needs fails with both numbers before a tensor is read", async () => {
  const onProgress = () => assert(false, "a tensor was read");
  const load = () => loadModel(new Blob([FILE]), { memoryBytes: 30 << 20, onProgress });
  const error = await assertRejects(load, MemoryError, "30 MiB are allowed");
  assertEquals((error as MemoryError).limitBytes, 30 << 20);
  assert((error as MemoryError).neededBytes > 40 << 20);
});
