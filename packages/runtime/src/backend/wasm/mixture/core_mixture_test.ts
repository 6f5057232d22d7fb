/** `route` and `experts` of every artifact against their scalar twins, through the exports. All formats are tested in core-rs. */
import { assertEquals } from "@std/assert";
import { numbers } from "../../../../../../tests/support/core_pages.ts";
import {
  assertWithin,
  type CoreValues,
  eachCore,
} from "../../../../../../tests/support/core_values.ts";
import { seededRandom } from "../../../../../../tests/support/seeded_random.ts";
import { EXPERTS_NMSE, KERNEL_RELATIVE, nmse } from "../../../../../../tests/support/tolerance.ts";

const BAD_ARGUMENT = 1;

/** `[experts, used, groups, groupsUsed]`. */
const COUNTS = [[8, 2, 1, 1], [9, 9, 1, 1], [64, 6, 8, 3], [256, 8, 8, 4]] as const;

/** Scoring, group score, normalization, scale and bias together, in the order of `route`'s words. */
const RULES = [
  { sigmoid: 0, twoBest: 0, normalize: 0, scale: 1, bias: false },
  { sigmoid: 0, twoBest: 0, normalize: 1, scale: 1, bias: false },
  { sigmoid: 0, twoBest: 0, normalize: 0, scale: 16, bias: false },
  { sigmoid: 1, twoBest: 1, normalize: 1, scale: 2.5, bias: true },
];

Deno.test("route: ids and weights of the scalar twin, a row alone has the bits it has among 33, in every artifact", async () => {
  const rows = 33;
  await eachCore((values, variant) => {
    const { exports } = values;
    for (const [experts, used, groups, groupsUsed] of COUNTS) {
      for (const { sigmoid, twoBest, normalize, scale, bias } of RULES) {
        const what = `${variant} ${used} of ${experts}, sigmoid ${sigmoid}`;
        const logits = values.f32(numbers(rows * experts, 5, experts));
        const biasAt = bias ? values.f32(numbers(experts, 0.1, used)) : 0;
        const [ids, weights, twinIds, twinWeights] = [0, 1, 2, 3].map(() =>
          values.room(rows * used)
        );
        const rule = [experts, used, sigmoid, groups, groupsUsed, twoBest, normalize, scale];
        const run = (name: "route" | "route_scalar", words: number[]) =>
          (exports[name] as (...words: number[]) => number)(...words, ...rule);
        assertEquals(run("route", [logits, biasAt, 0, ids, weights, rows]), 0, what);
        assertEquals(
          run("route_scalar", [logits, biasAt, 0, twinIds, twinWeights, rows]),
          0,
          what,
        );
        assertEquals(ints(values, ids, rows * used), ints(values, twinIds, rows * used), what);
        const got = values.read(weights, rows * used);
        const want = values.read(twinWeights, rows * used);
        assertWithin(got, want, { relative: KERNEL_RELATIVE }, what);
        for (const row of [0, 32]) {
          const [id, weight] = [values.room(used), values.room(used)];
          run("route", [logits + 4 * row * experts, biasAt, 0, id, weight, 1]);
          const slots = [row * used, (row + 1) * used] as const;
          assertEquals(values.read(weight, used), got.slice(...slots), what);
          assertEquals(
            ints(values, id, used),
            ints(values, ids, rows * used).slice(...slots),
            what,
          );
        }
      }
    }
  });
});

function ints({ core }: CoreValues, address: number, count: number): Int32Array {
  return new Int32Array(core.memory.buffer, address, count).slice();
}

/** Types of gate, up and down: ggml's ids, with the columns of a block and their bytes. */
const F32 = { id: 0, cols: 1, bytes: 4 };
const Q4_0 = { id: 2, cols: 32, bytes: 18 };
const Q8_0 = { id: 8, cols: 32, bytes: 34 };
const Q4_K = { id: 12, cols: 256, bytes: 144 };
const Q6_K = { id: 14, cols: 256, bytes: 210 };
const BANKS = [[F32, F32, F32], [Q4_0, Q4_0, Q4_0], [Q4_K, Q4_K, Q6_K], [Q8_0, F32, Q4_0]];
const [EXPERTS, USED, WIDTH, HIDDEN] = [7, 3, 256, 256];
const TILE_ROWS = 8;

/** A bank of EXPERTS * `outputs` rows, as a file has it and packed. */
function bank({ exports }: CoreValues, type: typeof F32, values: number, count: number) {
  const bytes = count / type.cols * type.bytes;
  const [stored, packed] = [exports.allocate(bytes), exports.allocate(bytes)];
  const tiles = count / HIDDEN / TILE_ROWS;
  assertEquals(exports.quantize(type.id, values, stored, count), 0);
  assertEquals(exports.pack_rows(type.id, stored, packed, tiles, HIDDEN, TILE_ROWS), 0);
  return { stored, packed };
}

/** A mixture in a core's memory: run it over all rows or a few. */
function mixture(values: CoreValues, types: readonly (typeof F32)[], rows: number) {
  const { exports } = values;
  const count = EXPERTS * WIDTH * HIDDEN;
  const banks = types.map((type, i) =>
    bank(values, type, values.f32(numbers(count, 0.1, i)), count)
  );
  const packed = values.i32(banks.flatMap(({ packed }, i) => [types[i].id, packed]));
  const stored = values.i32(banks.flatMap(({ stored }, i) => [types[i].id, stored]));
  const x = values.f32(numbers(rows * WIDTH, 1, rows));
  const random = seededRandom(rows);
  const ids = values.i32(
    Array.from({ length: rows }, () => {
      const first = random(EXPERTS - USED + 1);
      return [first, first + 1, first + 2];
    }).flat(),
  );
  const weights = values.f32(numbers(rows * USED, 1, 5));
  const sizes = [USED, EXPERTS, WIDTH, HIDDEN] as const;
  const run = (first: number, count: number): Float32Array => {
    const at = x + 4 * first * WIDTH;
    const act = exports.allocate(exports.activation_bytes(count, WIDTH));
    exports.quantize_rows(at, act, count, WIDTH);
    const room = exports.allocate(exports.experts_room(packed, count, USED, WIDTH, HIDDEN, 0));
    const out = values.room(count * WIDTH);
    const slots = 4 * first * USED;
    const status = exports.experts(
      ...[packed, at, act, ids + slots, weights + slots, room, out, count, ...sizes, 0] as const,
    );
    assertEquals(status, 0);
    return values.read(out, count * WIDTH);
  };
  const twin = (): Float32Array => {
    const out = values.room(rows * WIDTH);
    const status = exports.experts_scalar(stored, x, ids, weights, out, rows, ...sizes);
    assertEquals(status, 0);
    return values.read(out, rows * WIDTH);
  };
  return { run, twin, addresses: { packed, x, ids, weights, sizes } };
}

Deno.test("experts: agree with their scalar twin, and a row alone has the bits it has among 21, in every artifact", async () => {
  const rows = 21;
  await eachCore((values, variant) => {
    for (const types of BANKS) {
      const { run, twin } = mixture(values, types, rows);
      const what = `${variant} types ${types.map(({ id }) => id)}`;
      const got = run(0, rows);
      const difference = nmse(got, twin());
      assertEquals(difference <= EXPERTS_NMSE, true, `${what}: ${difference}`);
      for (const [first, count] of [[0, 1], [20, 1], [3, 9]]) {
        const part = got.slice(first * WIDTH, (first + count) * WIDTH);
        assertEquals(run(first, count), part, `${what} rows from ${first}`);
      }
    }
  });
});

Deno.test("route, experts: wrong arguments give a status and write nothing", async () => {
  await eachCore((values) => {
    const { exports } = values;
    const [logits, ids, weights] = [
      values.f32(new Float32Array(8)),
      values.room(8),
      values.room(8),
    ];
    const route = (experts: number, used: number, groups = 1, groupsUsed = 1, at = logits) =>
      exports.route(
        ...[at, 0, 0, ids, weights, 1] as const,
        ...[experts, used, 0, groups, groupsUsed, 0, 0, 1] as const,
      );
    assertEquals(route(8, 9), BAD_ARGUMENT);
    assertEquals(route(8, 0), BAD_ARGUMENT);
    assertEquals(route(8, 2, 3, 1), BAD_ARGUMENT);
    assertEquals(route(8, 3, 4, 1), BAD_ARGUMENT);
    assertEquals(route(8, 2, 1, 1, 0), BAD_ARGUMENT);
    assertEquals(values.read(weights, 8).every(Number.isNaN), true);

    const { addresses: { packed, x, ids: good, weights: parts, sizes } } = mixture(
      values,
      BANKS[0],
      1,
    );
    const out = values.room(WIDTH);
    const room = exports.allocate(exports.experts_room(packed, 1, USED, WIDTH, HIDDEN, 0));
    const experts = (list: number, chosen: number, input = x) =>
      exports.experts(...[list, input, 0, chosen, parts, room, out, 1, ...sizes, 0] as const);
    const [unknown, nowhere] = [[99, packed], [0, 0]].map((words) =>
      values.i32([...words, ...words, ...words])
    );
    assertEquals(experts(unknown, good), BAD_ARGUMENT);
    assertEquals(experts(nowhere, good), BAD_ARGUMENT);
    assertEquals(experts(packed, good, 0), BAD_ARGUMENT);
    for (const wrong of [[0, 1, EXPERTS], [-1, 0, 1], [2, 2, 3], [3, 2, 4]]) {
      assertEquals(experts(packed, values.i32(wrong)), BAD_ARGUMENT);
    }
    assertEquals(exports.experts_room(unknown, 1, USED, WIDTH, HIDDEN, 0), 0);
    assertEquals(values.read(out, WIDTH).every(Number.isNaN), true);
    assertEquals(experts(packed, good), 0);
  });
});
