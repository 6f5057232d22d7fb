/** The waist on WebGPU: model files run unchanged over WGSL kernels, with the references' and the wasm backend's results.
 * Needs an adapter (without a GPU: Debian's mesa-vulkan-drivers and libvulkan1), so `deno task ok` runs it, not `test`;
 * it fails where there is none. On whatever adapter a machine has: `deno test --allow-all tests/webgpu/on_webgpu.ts`. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { UnsupportedError } from "../../packages/runtime/src/errors.ts";
import { loadModel } from "../../packages/runtime/mod.ts";
import { fixtureJson, fixturePath } from "../support/fixture.ts";
import { FixtureModel } from "../support/fixture_model.ts";
import { readSafetensors } from "../support/safetensors.ts";
import { KL_TO_LLAMACPP, klDivergence, nmse, WEBGPU_NMSE } from "../support/tolerance.ts";
import { createWebGpuBackend } from "./backend.ts";

interface Fixture {
  readonly model: string;
  readonly form: string;
  readonly logits: string;
  /** Mean divergence that wasm's 8-bit activations may bring; float formats agree as with the reference. */
  readonly wasmKl?: number;
}

const own = fixtureJson<
  Record<string, Record<string, { llamacpp_vs_transformers_on_same_weights: { mean_kl: number } }>>
>("models/crosscheck.json").llama_k256.Q4_0.llamacpp_vs_transformers_on_same_weights;

const FIXTURES: readonly Fixture[] = [
  { model: "llama_untied", form: "F32", logits: "logits" },
  { model: "llama_untied", form: "F16", logits: "logits-F16-dequantized" },
  { model: "llama_tied_llama3rope", form: "F16", logits: "logits-F16-dequantized" },
  // Its embedding, which is the head too, is Q6_K.
  {
    model: "llama_k256",
    form: "Q4_0",
    logits: "logits-Q4_0-dequantized",
    wasmKl: own.mean_kl * KL_TO_LLAMACPP,
  },
  { model: "qwen2", form: "F16", logits: "logits-F16-dequantized" },
];

interface Prompt {
  readonly name: string;
  readonly ids: readonly number[];
  readonly greedy: readonly number[];
}

const promptsOf = (model: string): readonly Prompt[] =>
  fixtureJson<{ prompts: readonly Prompt[] }>(`models/${model}/expected.json`).prompts;
const pathOf = ({ model, form }: Fixture) => fixturePath(`models/${model}/gguf/model-${form}.gguf`);
const openOnGpu = async (fixture: Fixture) =>
  await FixtureModel.on(await createWebGpuBackend(), pathOf(fixture));

for (const fixture of FIXTURES) {
  const { model, form } = fixture;
  Deno.test(`webgpu ${model} ${form}: logits agree with the reference and with wasm`, async () => {
    await using gpu = await openOnGpu(fixture);
    await using wasm = await FixtureModel.open(pathOf(fixture));
    const references = readSafetensors(
      fixturePath(`models/${model}/${fixture.logits}.safetensors`),
    );
    const kls: number[] = [];
    for (const { name, ids } of promptsOf(model)) {
      const reference = references.get(name)?.values ?? new Float32Array();
      const logits = await gpu.logits(ids);
      const error = nmse(logits.slice(-reference.length), reference);
      assert(error <= WEBGPU_NMSE, `${name} on ${gpu.backend.variant}: NMSE ${error}`);
      const other = await wasm.logits(ids);
      const difference = nmse(logits, other);
      if (!fixture.wasmKl) assert(difference <= WEBGPU_NMSE, `${name} to wasm: ${difference}`);
      kls.push(...rowKls(logits, other, gpu.model.config.vocabulary));
    }
    const mean = kls.reduce((a, b) => a + b) / kls.length;
    assert(mean <= (fixture.wasmKl ?? Infinity), `mean KL to wasm ${mean}`);
  });
}

/** Divergences of the rows of two matrices of logits. */
function rowKls(reference: Float32Array, other: Float32Array, vocabulary: number): number[] {
  const row = (values: Float32Array, i: number) =>
    values.subarray(i * vocabulary, (i + 1) * vocabulary);
  return Array.from(
    { length: reference.length / vocabulary },
    (_, i) => klDivergence(row(reference, i), row(other, i)),
  );
}

/** The most likely next tokens: the prompt in two chunks, then token by token. */
async function greedyTokens(
  open: FixtureModel,
  ids: readonly number[],
  count: number,
): Promise<number[]> {
  const cache = open.cache();
  const sequence = cache.create();
  const answer: number[] = [];
  const cut = Math.ceil(ids.length / 2);
  for (let next = ids.slice(0, cut); answer.length < count;) {
    const [logits] = await open.feed(cache, [{ sequence, ids: next }]);
    if (sequence.length === cut && cut < ids.length) {
      next = ids.slice(cut);
      continue;
    }
    const last = logits.slice(-open.model.config.vocabulary);
    answer.push(last.indexOf(last.reduce((a, b) => Math.max(a, b))));
    next = answer.slice(-1);
  }
  cache.clear();
  return answer;
}

Deno.test("webgpu llama_untied F32: greedy continuations are the reference's", async () => {
  await using gpu = await openOnGpu(FIXTURES[0]);
  for (const { name, ids, greedy } of promptsOf("llama_untied")) {
    assertEquals(await greedyTokens(gpu, ids, greedy.length), greedy, name);
  }
});

Deno.test("webgpu llama_k256 Q4_0: greedy continuations are those of wasm", async () => {
  await using gpu = await openOnGpu(FIXTURES[3]);
  await using wasm = await loadModel(pathOf(FIXTURES[3]), { kvType: "f32" });
  const options = { maxTokens: 12, temperature: 0, ignoreEnd: true };
  for (const { name, ids } of promptsOf("llama_k256")) {
    // The reference decides here by a logit of 0.06 between two tokens, less than what wasm's 8-bit activations move.
    if (name === "long_64") continue;
    const { ids: wanted } = await wasm.complete(ids, options);
    assertEquals(await greedyTokens(gpu, ids, 12), [...wanted], name);
  }
});

Deno.test("webgpu: whole = chunks = one by one = forked = in a batch = without a cache, bit for bit", async () => {
  for (const fixture of [FIXTURES[1], FIXTURES[3]]) {
    await using gpu = await openOnGpu(fixture);
    const idsOf = (length: number, seed: number) =>
      Array.from({ length }, (_, i) => (i * i * 7 + i * 31 + seed * 101) % 380);
    const ids = idsOf(75, 1);
    const whole = await gpu.logits(ids);
    const row = whole.length / ids.length;
    const cache = gpu.cache();
    for (const sizes of [[40, 35], [7, 26, 1, 31, 10], ids.map(() => 1)]) {
      let sequence = cache.create();
      let start = 0;
      for (const size of sizes) {
        sequence = cache.fork(sequence);
        const [part] = await gpu.feed(cache, [{ sequence, ids: ids.slice(start, start + size) }]);
        assertEquals(part, whole.slice(start * row, (start + size) * row), `${sizes} at ${start}`);
        start += size;
      }
    }
    const mates = [idsOf(33, 2), ids, idsOf(3, 3)];
    const mixed = await gpu.feed(
      cache,
      mates.map((ids) => ({ sequence: cache.create(), ids })),
    );
    assertEquals(mixed[1], whole);
    const free = await gpu.feed(null, mates.map((ids) => ({ sequence: null, ids })));
    assertEquals(free[1], whole);
  }
});

Deno.test("webgpu: a scope gives buffers back, a result outlives it, and what is not here says so", async () => {
  const backend = await createWebGpuBackend();
  try {
    const { ops } = backend;
    const step = () => {
      using _step = ops.scope();
      const tensor = (...values: number[]) => ops.tensor(Float32Array.from(values), [1, 4]);
      const x = tensor(1, 2, 3, 4);
      const sum = ops.checkpoint(() => ops.add(x, ops.add(x, tensor(1, 1, 1, 1))));
      // Written into the buffer of the ones, which `sum` has yet to read.
      return ops.read(ops.add(sum, tensor(100, 100, 100, 100)));
    };
    const first = step();
    const bytes = backend.memoryBytes();
    const results = await Promise.all([first, ...Array.from({ length: 20 }, step)]);
    for (const values of results) assertEquals([...values], [103, 105, 107, 109]);
    assertEquals(backend.memoryBytes(), bytes);
    const logits = ops.tensor(new Float32Array(4), [1, 4]);
    await assertRejects(() => ops.sample(logits, []), UnsupportedError, "sample is not in");
  } finally {
    await backend.close();
  }
});
