/** Tests of the memory plan: what it adds up, how it picks context and cache type, what it refuses. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { MemoryError } from "./errors.ts";
import { type KvType, pageBytes } from "./kv_cache.ts";
import {
  DEFAULT_CONTEXT_TOKENS,
  type MemoryPlan,
  planMemory,
  type PlanOptions,
} from "./memory_plan.ts";
import type { ModelConfig } from "./model/config.ts";

/** The sizes of SmolLM2-135M. */
const CONFIG: ModelConfig = {
  architecture: "llama",
  layers: 30,
  width: 576,
  heads: 9,
  kvHeads: 3,
  headSize: 64,
  hidden: 1536,
  vocabulary: 49152,
  contextTokens: 20_000,
  normEpsilon: 1e-5,
  ropeBase: 100_000,
  rotarySize: 64,
  ropeLinearFactor: 1,
};
const shape = (type: KvType) => ({ layers: 30, kvHeads: 3, keySize: 64, valueSize: 64, type });
const WEIGHTS = 90e6;

function plan(options: PlanOptions = {}, weightBytes = WEIGHTS): MemoryPlan {
  return planMemory(CONFIG, shape, weightBytes, options);
}

Deno.test("planMemory: the total is the sum of its parts", () => {
  const { weightBytes, kvBytes, activationBytes, overheadBytes, totalBytes } = plan();
  assertEquals(weightBytes, WEIGHTS);
  assertEquals(totalBytes, weightBytes + kvBytes + activationBytes + overheadBytes);
  assert(activationBytes > 0 && overheadBytes > 0);
});

Deno.test("planMemory: the context is what is asked, else the model's own up to a limit", () => {
  assertEquals(plan().contextTokens, DEFAULT_CONTEXT_TOKENS);
  assertEquals(plan({ contextTokens: 20_000 }).contextTokens, 20_000);
  const small = { ...CONFIG, contextTokens: 100 };
  assertEquals(planMemory(small, shape, WEIGHTS).contextTokens, 100);
  for (const contextTokens of [20_001, 0, 1.5, NaN]) {
    assertThrows(
      () => plan({ contextTokens }),
      RangeError,
      `A context of ${contextTokens} tokens is not possible: the model was trained for 1 to 20000`,
    );
  }
});

Deno.test("planMemory: the cache holds whole pages of the type", () => {
  assertEquals(plan({ contextTokens: 33, kvType: "f32" }).kvBytes, 2 * pageBytes(shape("f32")));
  assertEquals(plan({ contextTokens: 32, kvType: "f16" }).kvBytes, pageBytes(shape("f16")));
  assertEquals(plan({ contextTokens: 32, kvType: "q8_0" }).kvBytes, pageBytes(shape("q8_0")));
  assertEquals(pageBytes(shape("q8_0")) / pageBytes(shape("f16")), 17 / 32);
});

Deno.test("planMemory: auto is f32 where the whole cache is small, else f16", () => {
  // 46,080 bytes a token in f32: 32 MiB hold 728 tokens
  assertEquals(plan({ contextTokens: 512 }).kvType, "f32");
  assertEquals(plan({ contextTokens: 1024 }).kvType, "f16");
  assertEquals(plan({ contextTokens: 1024, kvType: "auto" }).kvType, "f16");
  assertEquals(plan({ contextTokens: 1024, kvType: "f32" }).kvType, "f32");
  assertEquals(plan({ contextTokens: 32, kvType: "f16" }).kvType, "f16");
});

Deno.test("planMemory: beyond the budget or wasm's 4 GiB it fails with both numbers", () => {
  const { totalBytes } = plan();
  assertEquals(plan({ memoryBytes: totalBytes }).totalBytes, totalBytes);
  const error = assertThrows(() => plan({ memoryBytes: totalBytes - 1 }), MemoryError);
  assert(error instanceof MemoryError);
  assertEquals([error.neededBytes, error.limitBytes], [totalBytes, totalBytes - 1]);
  const mebibytes = (bytes: number) => `${Math.ceil(bytes / 2 ** 20)} MiB`;
  assert(error.message.startsWith(`The model needs ${mebibytes(totalBytes)} (weights 86 MiB`));
  assert(error.message.includes(`${mebibytes(totalBytes - 1)} are allowed`));
  for (const memoryBytes of [undefined, 2 ** 40]) {
    const large = assertThrows(
      () => plan({ memoryBytes }, 5e9),
      MemoryError,
      "4096 MiB are allowed",
    );
    assertEquals((large as MemoryError).limitBytes, 2 ** 32);
  }
});

Deno.test("planMemory: a mixture has room for its experts, and more where one of them gets all rows", () => {
  const mixtureOf = (hidden: number, shared = 0): ModelConfig => ({
    ...CONFIG,
    mixture: {
      ...{ experts: 64, used: 6, hidden, shared, denseLayers: 0, scoring: "softmax" },
      ...{ groups: 1, groupsUsed: 1, groupScore: "max", normalize: true, needsBias: false },
      scale: 1,
    },
  });
  const activations = (config: ModelConfig) => planMemory(config, shape, WEIGHTS).activationBytes;
  const room = (hidden: number) => activations(mixtureOf(hidden)) - activations(mixtureOf(32));
  // 256 rows fit into 4 MiB as long as one takes 16 KiB: 10 * (576 + 1062) bytes.
  assertEquals([room(512), room(1062)], [0, 0]);
  assertEquals(room(2062), 256 * 10 * (576 + 2062) - 2 ** 22);
  assert(activations(mixtureOf(32, 2)) > activations(mixtureOf(32)));
});

Deno.test("planMemory: each layer leaves a state behind, and one that guesses makes more", () => {
  const activations = (more: Partial<ModelConfig>) =>
    planMemory({ ...CONFIG, ...more }, shape, WEIGHTS).activationBytes;
  assertEquals(activations({ layers: 31 }) - activations({}), 256 * 4 * 576);
  assert(activations({ nextLayers: 1 }) > activations({ layers: 31 }));
});

Deno.test("planMemory: several requests get a context each, as far as memory goes", () => {
  const one = plan({ contextTokens: 4096 });
  const of = (options: PlanOptions) => plan({ contextTokens: 4096, ...options }).cacheTokens;
  assertEquals(of({ sequences: 1 }), 4096);
  assertEquals(of({ sequences: 4 }), 4 * 4096);
  assertEquals(of({ sequences: 4, cacheTokens: 5000 }), 5000);
  // Keys and values of a token take 23,040 bytes in f16.
  assertEquals(of({ sequences: 1000 }), Math.floor(2 ** 30 / 23_040 / 32) * 32);
  const memoryBytes = one.totalBytes + 23_040 * 1000;
  assertEquals(of({ sequences: 4, memoryBytes }), 4096 + 992);
  assert(plan({ contextTokens: 4096, sequences: 4, memoryBytes }).totalBytes <= memoryBytes);
  assertEquals(of({ sequences: 4, memoryBytes: one.totalBytes }), 4096);
  assertThrows(() => of({ sequences: 4, memoryBytes: one.totalBytes - 1 }), MemoryError);
  for (const sequences of [0, 1.5, NaN]) {
    assertThrows(() => of({ sequences }), RangeError, `sequences is ${sequences}, it must be`);
  }
});
