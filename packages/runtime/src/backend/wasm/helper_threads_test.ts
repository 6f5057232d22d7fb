/** Helper threads: equal results, sleep and wake, the end of a pool. Threads that die: helper_failure_test.ts. Kernels' numbers are tested elsewhere. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import process from "node:process";
import { Worker } from "node:worker_threads";
import {
  assertWithin,
  type CoreValues,
  coreValues,
} from "../../../../../tests/support/core_values.ts";
import { seededRandom } from "../../../../../tests/support/seeded_random.ts";
import { assertPrints } from "../../../../../tests/support/thread_script.ts";
import { IDLE_CPU_MICROSECONDS } from "../../../../../tests/support/tolerance.ts";
import { UnsupportedError } from "../../errors.ts";
import { builtin } from "../../host.ts";
import { coreCount, createWasmBackend, threadCount } from "./backend.ts";
import type { CoreVariant } from "./core.ts";
import { HELPER_PROGRAM } from "./helper_program.ts";
import { HelperThreads } from "./helper_threads.ts";

const THREADED: readonly CoreVariant[] = ["relaxed_threads", "simd_threads"];
const IDLE_MS = 300;
const PATIENCE_MS = 10_000;

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

async function until(what: string, holds: () => boolean): Promise<void> {
  const end = Date.now() + PATIENCE_MS;
  while (!holds()) {
    assert(Date.now() < end, `not within ${PATIENCE_MS} ms: ${what}`);
    await pause(2);
  }
}

/** Starts helpers and waits until they have arrived; ends them afterwards. */
async function withHelpers(
  values: CoreValues,
  count: number,
  run: () => Promise<void> | void,
): Promise<void> {
  const helpers = await HelperThreads.start(values.core, count);
  try {
    const arrived = values.core.share ? count + 1 : 1;
    await until("helpers arrive", () => values.exports.thread_count() === arrived);
    await run();
  } finally {
    helpers.close();
  }
}

const [ROWS, COLS, Q8_0] = [67, 512, 8];

/** A few ops large enough to be shared, each on what the one before wrote. */
function layer(values: CoreValues): () => Float32Array {
  const { exports } = values;
  const random = seededRandom(1);
  const count = ROWS * COLS;
  const some = (n: number) => values.f32(Array.from({ length: n }, () => random(2048) / 1024 - 1));
  const [x, gain, weights] = [some(count), some(COLS), some(COLS * COLS)];
  const [normed, gated, product, file] = [count, count, count, COLS * COLS].map((n) =>
    values.room(n)
  );
  const act = values.room(exports.activation_bytes(ROWS, COLS) / 4);
  const packed = values.room(exports.packed_bytes(Q8_0, COLS, COLS) / 4);
  const ids = values.i32(Array.from({ length: ROWS }, (_, i) => i));
  const logprobs = values.room(ROWS);
  const products = values.i32([Q8_0, packed, 0, product, COLS]);
  assertEquals(exports.quantize(Q8_0, weights, file, COLS * COLS), 0);
  return () => {
    const statuses = [
      exports.pack_rows(Q8_0, file, packed, COLS / 8, COLS, 8),
      exports.rms_norm(x, gain, normed, ROWS, COLS, 1e-5),
      exports.swiglu(normed, x, gated, count),
      exports.quantize_rows(gated, act, ROWS, COLS),
      exports.linear(products, 1, gated, act, ROWS, COLS),
      exports.token_logprobs(product, ids, logprobs, ROWS, COLS, 1),
    ];
    assertEquals(statuses, statuses.map(() => 0));
    return Float32Array.of(...values.read(product, count), ...values.read(logprobs, ROWS));
  };
}

/** Whether a helper is awake right after one of some shared jobs; it falls asleep again within about a millisecond. */
function wakes({ exports }: CoreValues): boolean {
  const count = 1 << 18;
  const at = exports.allocate(12 * count);
  try {
    for (let i = 0; i < 100; i++) {
      assertEquals(exports.swiglu(at, at + 4 * count, at + 8 * count, count), 0);
      if (exports.sleeper_count() < 2) return true;
    }
    return false;
  } finally {
    exports.release(at, 12 * count);
  }
}

Deno.test("HelperThreads: 2 threads give the bits of 1", async () => {
  for (const variant of THREADED) {
    const alone = layer(await coreValues(variant))();
    assert(alone.every(Number.isFinite));
    const values = await coreValues(variant);
    const run = layer(values);
    await withHelpers(values, 1, () => {
      for (let i = 0; i < 20; i++) assertWithin(run(), alone, {}, `${variant} run ${i}`);
    });
  }
});

Deno.test("HelperThreads: helpers sleep when there is no work, and wake for the next", async () => {
  for (const variant of THREADED) {
    const values = await coreValues(variant);
    const { exports } = values;
    const run = layer(values);
    const alone = run();
    await withHelpers(values, 2, async () => {
      for (let round = 0; round < 3; round++) {
        const before = process.cpuUsage();
        await until("all helpers sleep", () => exports.sleeper_count() === 2);
        await pause(IDLE_MS);
        const { user, system } = process.cpuUsage(before);
        const used = user + system;
        assert(used < IDLE_CPU_MICROSECONDS, `${variant}: ${used} us of CPU time while idle`);
        assertEquals(exports.sleeper_count(), 2, `${variant}: a helper woke without work`);
        await until("a helper wakes", () => wakes(values));
        assertWithin(run(), alone, {}, variant);
      }
    });
  }
});

Deno.test("HelperThreads: a helper knows at once that the memory has grown", async () => {
  // Each job lies in a part of the memory that is new; engines tell their other threads of growth a little later.
  const [rounds, growths, count] = [4, 1200, 1 << 15];
  for (let round = 0; round < rounds; round++) {
    const values = await coreValues("relaxed_threads");
    const { exports } = values;
    await withHelpers(values, 1, () => {
      for (let i = 0; i < growths; i++) {
        const at = exports.allocate(12 * count) >>> 0;
        if (at === 0) break;
        assertEquals(exports.add(at, at + 4 * count, at + 8 * count, count), 0);
      }
    });
  }
});

Deno.test("HelperThreads: the build without shared memory runs alone", async () => {
  const values = await coreValues("simd");
  await withHelpers(values, 3, () => assertEquals(values.exports.thread_count(), 1));
});

Deno.test("createWasmBackend: never more threads than cores", async () => {
  const backend = await createWasmBackend({ threads: 8 });
  await backend.close();
  assertEquals(backend.threads, Math.min(8, coreCount()));
});

Deno.test("threadCount: what is asked for, else the cores, up to the cores", () => {
  const counts = [[undefined, 2], [8, 2], [1, 2], [3, 4], [undefined, 64], [64, 64]] as const;
  assertEquals(counts.map(([asked, cores]) => threadCount(asked, cores)), [2, 2, 1, 3, 32, 64]);
});

Deno.test("stop_helpers: a sleeping helper and a spinning one leave the loop", async () => {
  for (const sleeping of [false, true]) {
    const { core, exports } = await coreValues("relaxed_threads");
    const worker = new Worker(
      new URL(`data:text/javascript,${encodeURIComponent(HELPER_PROGRAM)}`),
    );
    try {
      worker.postMessage(core.share);
      await until("the helper arrives", () => exports.thread_count() === 2);
      if (sleeping) await until("the helper sleeps", () => exports.sleeper_count() === 1);
      exports.stop_helpers();
      await until("the helper leaves", () => exports.thread_count() === 1);
    } finally {
      await worker.terminate();
    }
  }
});

Deno.test("HelperThreads: a program ends after close(), and without it", async () => {
  for (const end of ["helpers.close();", ""]) {
    await assertPrints(
      `const { core, helpers } = await start(); console.log(job(core)); ${end} console.log("end");`,
      ["0", "end"],
    );
  }
});

Deno.test("HelperThreads: where the runtime allows no Worker, the error says what needs none", async () => {
  const values = await coreValues("simd_threads");
  const threads = builtin("node:worker_threads");
  const { Worker: allowed } = threads;
  const refusal = new Error("Access to this API has been restricted. Use --allow-worker");
  const refuse = function () {
    throw refusal;
  };
  Object.assign(threads, { Worker: refuse });
  try {
    const start = () => HelperThreads.start(values.core, 1);
    const error = await assertRejects(
      start,
      UnsupportedError,
      "Use --allow-worker; a model loaded",
    );
    assertEquals(error.cause, refusal);
  } finally {
    Object.assign(threads, { Worker: allowed });
  }
});
