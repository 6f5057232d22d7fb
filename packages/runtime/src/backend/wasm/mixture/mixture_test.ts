/** `route`, `experts` and banks through the backend: a mixture out of a file, threads, and what is refused with which words. */
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ggufBytes } from "../../../../../../tests/support/gguf_bytes.ts";
import { seededRandom } from "../../../../../../tests/support/seeded_random.ts";
import { F32_NMSE, nmse } from "../../../../../../tests/support/tolerance.ts";
import { ModelError } from "../../../errors.ts";
import { openGguf } from "../../../gguf/mod.ts";
import type { Backend, Ops, RoutingRule } from "../../../ops.ts";
import { GgufParameters } from "../../../parameter_source.ts";
import type { ExpertBank } from "../../../tensor.ts";
import { createWasmBackend } from "../backend.ts";

/** Neither the hidden size nor the width is a whole number of tiles. */
const [EXPERTS, WIDTH, HIDDEN, ROWS] = [5, 12, 10, 9];
const RULE: RoutingRule = {
  ...{ layer: 4, used: 2, scoring: "softmax", groups: 1, groupsUsed: 1, groupScore: "max" },
  ...{ normalize: true, scale: 2 },
};

function numbers(count: number, seed: number): Float32Array<ArrayBuffer> {
  const random = seededRandom(seed);
  return Float32Array.from({ length: count }, () => random(1 << 20) / (1 << 19) - 1);
}

const STORED = {
  gate: numbers(EXPERTS * HIDDEN * WIDTH, 1),
  up: numbers(EXPERTS * HIDDEN * WIDTH, 2),
  down: numbers(EXPERTS * WIDTH * HIDDEN, 3),
  router: numbers(EXPERTS * WIDTH, 4),
};

interface Mixture extends ExpertBank {
  readonly router: Awaited<ReturnType<GgufParameters["matrix"]>>;
}

/** The stored tensors as a file, and a mixture loaded from it. */
async function load(backend: Backend, hidden = HIDDEN): Promise<Mixture> {
  const tensor = (name: keyof typeof STORED, dims: readonly number[]) => ({
    ...{ name, dims, data: new Uint8Array(STORED[name].buffer) },
  });
  const file = ggufBytes({
    tensors: [
      tensor("gate", [WIDTH, HIDDEN, EXPERTS]),
      tensor("up", [WIDTH, HIDDEN, EXPERTS]),
      tensor("down", [HIDDEN, WIDTH, EXPERTS]),
      tensor("router", [WIDTH, EXPERTS]),
    ],
  });
  const { gguf, source } = await openGguf(new Blob([file]));
  const parameters = new GgufParameters(gguf, source, backend, {});
  return {
    experts: EXPERTS,
    gate: await parameters.bank("gate", EXPERTS, hidden, WIDTH),
    up: await parameters.bank("up", EXPERTS, hidden, WIDTH),
    down: await parameters.bank("down", EXPERTS, WIDTH, hidden),
    router: await parameters.matrix("router", EXPERTS, WIDTH),
  };
}

async function onBackend(run: (backend: Backend) => Promise<void>, threads = 1): Promise<void> {
  const backend = await createWasmBackend({ threads });
  try {
    await run(backend);
  } finally {
    await backend.close();
  }
}

/** What was asked for in a scope; it closes before the answers come. */
function inScope<T extends unknown[]>(
  ops: Ops,
  ask: () => [...{ [I in keyof T]: Promise<T[I]> }],
): Promise<T> {
  using _scope = ops.scope();
  return Promise.all(ask()) as Promise<T>;
}

/** Plain loops in f64 over the stored numbers. */
function expected(x: Float32Array, ids: Int32Array, weights: Float32Array): Float64Array {
  const out = new Float64Array(x.length);
  const product = (matrix: Float32Array, expert: number, outputs: number, input: number[]) =>
    Array.from({ length: outputs }, (_, n) => {
      const row = (expert * outputs + n) * input.length;
      return input.reduce((sum, value, i) => sum + value * matrix[row + i], 0);
    });
  ids.forEach((expert, slot) => {
    const row = Math.floor(slot / RULE.used);
    const input = [...x.subarray(row * WIDTH, (row + 1) * WIDTH)];
    const up = product(STORED.up, expert, HIDDEN, input);
    const gate = product(STORED.gate, expert, HIDDEN, input);
    const hidden = gate.map((g, i) => g / (1 + Math.exp(-g)) * up[i]);
    product(STORED.down, expert, WIDTH, hidden).forEach((value, i) => {
      out[row * WIDTH + i] += weights[slot] * value;
    });
  });
  return out;
}

Deno.test("experts: a mixture out of a file is the sum over its experts, with any number of threads", async () => {
  const all: Float32Array[] = [];
  for (const threads of [1, 2]) {
    await onBackend(async (backend) => {
      const { ops } = backend;
      const mixture = await load(backend);
      const values = numbers(ROWS * WIDTH, 5);
      const [ids, weights, got] = await inScope<[Int32Array, Float32Array, Float32Array]>(
        ops,
        () => {
          const x = ops.tensor(values, [ROWS, WIDTH]);
          const routing = ops.route(x, mixture.router, RULE);
          const out = ops.experts(x, routing, mixture);
          return [ops.readInts(routing.experts), ops.read(routing.weights), ops.read(out)];
        },
      );
      assertEquals(nmse(got, expected(values, ids, weights)) <= F32_NMSE, true);
      for (let row = 0; row < ROWS; row++) {
        const sum = weights[2 * row] + weights[2 * row + 1];
        assertEquals(Math.abs(sum - RULE.scale) < 1e-6, true, `weights of row ${row}`);
        assertEquals(ids[2 * row] < ids[2 * row + 1], true, `ids of row ${row}`);
      }
      all.push(got);
    }, threads);
  }
  assertEquals(all[0], all[1]);
});

Deno.test("route: forced ids are taken, with their own weights", () =>
  onBackend(async (backend) => {
    const { ops } = backend;
    const { router } = await load(backend);
    const forced = Int32Array.of(0, 4, 1, 2);
    const [ids, parts, scores] = await inScope<[Int32Array, Float32Array, Float32Array]>(
      ops,
      () => {
        const x = ops.tensor(numbers(2 * WIDTH, 6), [2, WIDTH]);
        const { experts, weights } = ops.route(x, router, { ...RULE, normalize: false, forced });
        const whole = ops.route(x, router, { ...RULE, normalize: false, used: EXPERTS });
        return [ops.readInts(experts), ops.read(weights), ops.read(whole.weights)];
      },
    );
    assertEquals(ids, forced);
    assertEquals([...parts], [scores[0], scores[4], scores[EXPERTS + 1], scores[EXPERTS + 2]]);
  }));

Deno.test("route, experts: a row whose scores are not finite is NaN, the others keep their bits", () =>
  onBackend(async (backend) => {
    const { ops } = backend;
    const mixture = await load(backend);
    const values = numbers(ROWS * WIDTH, 9);
    const run = (x: Float32Array) =>
      inScope<[Int32Array, Float32Array, Float32Array]>(ops, () => {
        const rows = ops.tensor(x, [ROWS, WIDTH]);
        const routing = ops.route(rows, mixture.router, RULE);
        const out = ops.experts(rows, routing, mixture);
        return [ops.readInts(routing.experts), ops.read(routing.weights), ops.read(out)];
      });
    const others = (parts: readonly (Int32Array | Float32Array)[]) =>
      parts.map((part) =>
        Array.from(part).filter((_, i) => Math.floor(i * ROWS / part.length) !== 4)
      );
    const whole = others(await run(values));
    for (const wrong of [NaN, Infinity]) {
      const got = await run(values.map((value, i) => i === 4 * WIDTH ? wrong : value));
      assertEquals(others(got), whole);
      assertEquals([...got[0].subarray(8, 10)], [0, 1]);
      assertEquals([...got[1].subarray(8, 10)], [NaN, NaN]);
      assertEquals([...got[2].subarray(4 * WIDTH, 5 * WIDTH)], Array(WIDTH).fill(NaN));
    }
  }));

Deno.test("route: rules that do not fit are refused", () =>
  onBackend(async (backend) => {
    const { ops } = backend;
    const { router } = await load(backend);
    using _scope = ops.scope();
    const x = ops.tensor(numbers(WIDTH, 7), [1, WIDTH]);
    const refused = (change: Partial<RoutingRule>, words: string) =>
      assertThrows(() => ops.route(x, router, { ...RULE, ...change }), RangeError, words);
    refused({ used: EXPERTS + 1 }, "6 of 5 experts");
    refused({ groups: 2 }, "in 1 of 2 groups");
    refused({ bias: ops.tensor(new Float32Array(4), [4]) }, "bias of 4");
    refused({ forced: Int32Array.of(1) }, "1 forced ids");
    refused({ forced: Int32Array.of(1, 1) }, "refused route");
  }));

Deno.test("experts: rows, routing and bank that do not fit together are refused", () =>
  onBackend(async (backend) => {
    const { ops } = backend;
    const mixture = await load(backend);
    using _scope = ops.scope();
    const x = ops.tensor(numbers(2 * WIDTH, 8), [2, WIDTH]);
    const routing = ops.route(x, mixture.router, RULE);
    const refused = (run: () => unknown) => assertThrows(run, RangeError, "do not fit");
    refused(() => ops.experts(ops.selectRows(x, [0]), routing, mixture));
    refused(() => ops.experts(x, { ...routing, expertCount: 4 }, mixture));
    refused(() => ops.experts(x, routing, { ...mixture, up: mixture.down }));
    refused(() => ops.experts(x, routing, { ...mixture, down: mixture.router }));
  }));

Deno.test("bank: the shape of the tensor and whole experts are asked for", () =>
  onBackend(async (backend) => {
    await assertRejects(() => load(backend, HIDDEN + 1), ModelError, "[12,10,5]");
    const stored = { name: "t", type: "F32", rows: 9, cols: 1, sizeBytes: 36, experts: 2 };
    const read = () => Promise.resolve();
    await assertRejects(() => backend.loadWeight(stored, read), ModelError, "2 experts");
  }));
