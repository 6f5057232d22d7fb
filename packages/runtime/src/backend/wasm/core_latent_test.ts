/** Latent attention of every artifact against its scalar twin and against `attend`, and in chunks, through the exports. */
import { assertEquals } from "@std/assert";
import {
  FLOAT_PAGES,
  numbers,
  type PageFormat,
  Q8_PAGES,
} from "../../../../../tests/support/core_pages.ts";
import {
  assertWithin,
  type CoreValues,
  coreValues,
  eachCore,
} from "../../../../../tests/support/core_values.ts";
import { ATTEND_ABSOLUTE } from "../../../../../tests/support/tolerance.ts";
import { HelperThreads } from "./helper_threads.ts";

interface Latents {
  readonly rows: number;
  readonly heads: number;
  readonly rank: number;
  readonly rotarySize: number;
}

interface Inputs {
  readonly q: Float32Array;
  readonly latent: Float32Array;
}

const LAYER_OFFSET = 64;
const keySizeOf = ({ rank, rotarySize }: Latents) => rank + rotarySize;
const scaleOf = (shape: Latents) => 1 / Math.sqrt(keySizeOf(shape));

function inputsOf(shape: Latents): Inputs {
  const { rows, heads } = shape;
  return {
    q: numbers(rows * heads * keySizeOf(shape), 2, rows),
    latent: numbers(rows * keySizeOf(shape), 2, heads),
  };
}

/** Address of a list of fresh pages that are full of NaN. */
function freshPages(values: CoreValues, rows: number, bytes: number): number {
  const page = () => values.room(Math.ceil(bytes / 4));
  return values.i32(Array.from({ length: Math.ceil(rows / 32) }, page));
}

/** Attends in chunks of rows. */
function attendInChunks(
  values: CoreValues,
  shape: Latents,
  { q, latent }: Inputs,
  { type, bytesOf32 }: PageFormat,
  chunk: number,
): Float32Array {
  const { rows, heads, rank, rotarySize } = shape;
  const size = keySizeOf(shape);
  const list = freshPages(values, rows, LAYER_OFFSET + size * bytesOf32);
  const [qAt, latentAt] = [values.f32(q), values.f32(latent)];
  const out = values.room(rows * heads * rank);
  for (let start = 0; start < rows; start += chunk) {
    const n = Math.min(chunk, rows - start);
    const positions = values.i32(Array.from({ length: n }, (_, i) => start + i));
    const tables = values.i32(Array.from({ length: n }, () => list));
    const status = values.exports.latent_attend(
      qAt + 4 * start * heads * size,
      latentAt + 4 * start * size,
      out + 4 * start * heads * rank,
      ...[positions, tables, n, heads, rank, rotarySize] as const,
      ...[scaleOf(shape), LAYER_OFFSET, type] as const,
    );
    assertEquals(status, 0);
  }
  return values.read(out, rows * heads * rank);
}

/** `attend` over the same keys, and values that are written beside them. */
function attendApart(
  values: CoreValues,
  shape: Latents,
  { q, latent }: Inputs,
  { type, bytesOf32 }: PageFormat,
): Float32Array {
  const { rows, heads, rank } = shape;
  const size = keySizeOf(shape);
  const list = freshPages(values, rows, LAYER_OFFSET + (size + rank) * bytesOf32);
  const v = Float32Array.from(
    { length: rows * rank },
    (_, i) => latent[Math.floor(i / rank) * size + i % rank],
  );
  const out = values.room(rows * heads * rank);
  const status = values.exports.attend(
    ...[values.f32(q), values.f32(latent), values.f32(v), out] as const,
    values.i32(Array.from({ length: rows }, (_, i) => i)),
    values.i32(Array.from({ length: rows }, () => list)),
    ...[rows, heads, 1, size, rank, scaleOf(shape), LAYER_OFFSET, type] as const,
  );
  assertEquals(status, 0);
  return values.read(out, rows * heads * rank);
}

Deno.test("latent_attend: agrees with the scalar twin over pages of every type in every artifact", async () => {
  await eachCore((values, variant) => {
    for (const rows of [1, 2, 7, 31, 32, 33, 65]) {
      for (const [rank, rotarySize, heads] of [[1, 2, 3], [6, 4, 1], [16, 8, 16], [48, 16, 5]]) {
        const shape = { rows, heads, rank, rotarySize };
        const { q, latent } = inputsOf(shape);
        for (const format of rank === 48 ? [...FLOAT_PAGES, Q8_PAGES] : FLOAT_PAGES) {
          const got = attendInChunks(values, shape, { q, latent }, format, rows);
          const [qAt, latentAt] = [values.f32(q), values.f32(format.stored(latent))];
          const twin = values.room(got.length);
          const status = values.exports.latent_attend_scalar(
            ...[qAt, latentAt, twin, rows, heads, rank, rotarySize, scaleOf(shape)] as const,
          );
          assertEquals(status, 0);
          const what = `${variant} ${JSON.stringify(shape)} ${format.name}`;
          assertWithin(got, values.read(twin, got.length), { absolute: ATTEND_ABSOLUTE }, what);
        }
      }
    }
  });
});

Deno.test("latent_attend: the bits of attend over keys and values apart, whole and in chunks, in every artifact", async () => {
  const shapes = [[4, 3, 5], [160, 32, 20], [512, 64, 16]].map(([rank, rotarySize, heads]) => (
    { rows: 40, heads, rank, rotarySize }
  ));
  await eachCore((values, variant) => {
    for (const shape of shapes) {
      const inputs = inputsOf(shape);
      for (const format of shape.rank === 4 ? FLOAT_PAGES : [...FLOAT_PAGES, Q8_PAGES]) {
        const want = attendApart(values, shape, inputs, format);
        for (const chunk of [40, 33, 7, 1]) {
          const got = attendInChunks(values, shape, inputs, format, chunk);
          assertWithin(got, want, {}, `${variant} ${format.name} chunks of ${chunk}`);
        }
      }
    }
  });
});

Deno.test("latent_attend: a helper keeps to its stack, and 2 threads give the bits of 1", async () => {
  const shape = { rows: 40, heads: 16, rank: 512, rotarySize: 64 };
  const inputs = inputsOf(shape);
  for (const variant of ["relaxed_threads", "simd_threads"] as const) {
    const run = (values: CoreValues) => attendInChunks(values, shape, inputs, FLOAT_PAGES[1], 40);
    const alone = run(await coreValues(variant));
    const values = await coreValues(variant);
    // Stacks grow down: of memory taken in order, this is what lies beyond the helper's.
    const beyond = values.f32(numbers(1 << 17, 1, 3));
    const before = values.read(beyond, 1 << 17);
    const helpers = await HelperThreads.start(values.core, 1);
    try {
      for (let turn = 0; turn < 5; turn++) assertWithin(run(values), alone, {}, variant);
      assertEquals(values.read(beyond, 1 << 17), before, variant);
    } finally {
      helpers.close();
    }
  }
});

Deno.test("latent_attend: what is not a number stays so, in its own row and head, in every artifact", async () => {
  const shape = { rows: 40, heads: 6, rank: 24, rotarySize: 8 };
  await eachCore((values, variant) => {
    for (const format of [...FLOAT_PAGES, Q8_PAGES]) {
      const inputs = inputsOf(shape);
      inputs.q[(33 * 6 + 2) * 32 + 5] = NaN; // row 33, head 2
      const out = attendInChunks(values, shape, inputs, format, 40);
      out.forEach((value, i) => {
        const isOwn = Math.floor(i / 24) === 33 * 6 + 2;
        assertEquals(Number.isNaN(value), isOwn, `${variant} ${format.name} ${i}`);
      });
    }
  });
});

Deno.test("latent_attend: wrong arguments give a status and write nothing", async () => {
  await eachCore((values) => {
    const { exports } = values;
    const [at, out] = [values.f32([1, 2, 3, 4]), values.room(4)];
    const statuses = [
      exports.latent_attend(0, at, out, at, at, 1, 1, 4, 4, 1, 0, 0),
      exports.latent_attend(at, at, out, at, 0, 1, 1, 4, 4, 1, 0, 0),
      exports.latent_attend(at, at, out, at, at, 1, 0, 4, 4, 1, 0, 0), // no heads
      exports.latent_attend(at, at, out, at, at, 1, 1, 0, 4, 1, 0, 0), // no latent
      exports.latent_attend(at, at, out, at, at, 1, 1, 512, 68, 1, 0, 0), // beyond the largest
      exports.latent_attend(at, at, out, at, at, 1, 1, 32, 4, 1, 0, 8), // Q8_0 of 36
      exports.latent_attend(at, at, out, at, at, 1, 1, 4, 4, 1, 0, 2), // no type of pages
      exports.latent_attend_scalar(at, 0, out, 1, 1, 2, 2, 1),
    ];
    assertEquals(statuses, statuses.map(() => 1));
    assertEquals([...values.read(out, 4)], [NaN, NaN, NaN, NaN]);
  });
});
