/** The float kernels of every artifact against their scalar twins, through the exports. Sampling is in core_sampling_test.ts. */
import { assertEquals } from "@std/assert";
import {
  assertWithin,
  type CoreValues,
  eachCore,
} from "../../../../../tests/support/core_values.ts";
import {
  FLOAT_PAGES,
  numbers,
  type PageFormat,
  Q8_PAGES,
} from "../../../../../tests/support/core_pages.ts";
import {
  ATTEND_ABSOLUTE,
  KERNEL_RELATIVE,
  ROPE_ABSOLUTE,
} from "../../../../../tests/support/tolerance.ts";

const SIZES = [1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 32, 33, 63, 65, 577];

Deno.test("rms_norm: agrees with its scalar twin in every artifact", async () => {
  await eachCore((values, variant) => {
    const { exports } = values;
    for (const cols of SIZES) {
      for (const rows of [1, 2, 3, 17]) {
        const x = values.f32(numbers(rows * cols, 3, cols));
        const gain = values.f32(numbers(cols, 0.5, rows).map((v) => v + 1));
        const [out, twin] = [values.room(rows * cols), values.room(rows * cols)];
        assertEquals(exports.rms_norm(x, gain, out, rows, cols, 1e-5), 0);
        assertEquals(exports.rms_norm_scalar(x, gain, twin, rows, cols, 1e-5), 0);
        const [got, want] = [values.read(out, rows * cols), values.read(twin, rows * cols)];
        assertWithin(got, want, { relative: KERNEL_RELATIVE }, `${variant} ${rows} x ${cols}`);
      }
    }
  });
});

Deno.test("swiglu: agrees with its scalar twin and keeps its limits in every artifact", async () => {
  await eachCore((values, variant) => {
    const { exports } = values;
    for (const n of SIZES) {
      const [gate, up] = [values.f32(numbers(n, 20, n)), values.f32(numbers(n, 3, n + 1))];
      const [out, twin] = [values.room(n), values.room(n)];
      assertEquals(exports.swiglu(gate, up, out, n), 0);
      assertEquals(exports.swiglu_scalar(gate, up, twin, n), 0);
      const [got, want] = [values.read(out, n), values.read(twin, n)];
      assertWithin(got, want, { relative: KERNEL_RELATIVE }, `${variant} ${n}`);
    }
    const gate = Float32Array.of(-1e30, -100, 0, 100, 1e30);
    const out = values.room(5);
    exports.swiglu(values.f32(gate), values.f32([1, 1, 1, 1, 1]), out, 5);
    assertWithin(values.read(out, 5), [0, 0, 0, 100, gate[4]], { absolute: 1e-8 }, variant);
  });
});

Deno.test("add, select_rows: every element in every artifact", async () => {
  await eachCore((values, variant) => {
    const { exports } = values;
    for (const n of SIZES) {
      const [a, b] = [numbers(n, 3, n), numbers(n, 5, n + 1)];
      const [at, out, rows] = [values.f32(a), values.room(n), values.room(2 * n)];
      assertEquals(exports.add(at, values.f32(b), out, n), 0);
      const sums = a.map((v, i) => v + b[i]);
      assertEquals(values.read(out, n), sums, `${variant} ${n}`);
      const table = values.f32([...a, ...b, ...sums]);
      assertEquals(exports.select_rows(table, 3, values.i32([2, 0]), rows, 2, n), 0);
      assertEquals(values.read(rows, 2 * n), Float32Array.of(...sums, ...a), `${variant} ${n}`);
      assertEquals(exports.select_rows(table, 3, values.i32([3]), rows, 1, n), 1);
      assertEquals(exports.select_rows(table, 3, values.i32([-1]), rows, 1, n), 1);
    }
  });
});

/** Both pairings, with and without frequency factors and ends that are not turned; magnitudes keep results up to 1. */
const TURNS = [
  { interleaved: 0, start: 0, tail: 0, scaled: false, magnitude: 1 },
  { interleaved: 1, start: 0, tail: 0, scaled: true, magnitude: 1 },
  { interleaved: 0, start: 0, tail: 3, scaled: true, magnitude: 0.7 },
  { interleaved: 1, start: 0, tail: 5, scaled: false, magnitude: 1 },
  { interleaved: 0, start: 4, tail: 0, scaled: false, magnitude: 1 },
  { interleaved: 1, start: 3, tail: 2, scaled: true, magnitude: 0.3 },
];

Deno.test("rope: table and rotation agree with the scalar twin in every artifact", async () => {
  const positions = [0, 1, 2, 31, 32, 33, 8191];
  const [rows, heads, base] = [positions.length, 3, 10_000];
  await eachCore((values, variant) => {
    const { exports } = values;
    for (const half of SIZES.filter((size) => size <= 33)) {
      for (const { interleaved, start, tail, scaled, magnitude } of TURNS) {
        const size = start + 2 * half + tail;
        const count = rows * heads * size;
        const [x, at] = [values.f32(numbers(count, 1, half)), values.i32(positions)];
        const factors = scaled ? values.f32(Array.from({ length: half }, (_, i) => 1 + i)) : 0;
        const [table, out, twin] = [2 * rows * half, count, count].map((n) => values.room(n));
        const statuses = [
          exports.rope_table(at, factors, table, rows, half, base, magnitude),
          exports.rope(x, table, out, rows, heads, size, half, interleaved, start),
          exports.rope_scalar(
            ...[x, at, factors, twin, rows, heads, size, half] as const,
            ...[base, interleaved, start, magnitude] as const,
          ),
        ];
        assertEquals(statuses, [0, 0, 0]);
        const what =
          `${variant} half ${half} from ${start} tail ${tail} interleaved ${interleaved}`;
        const tolerance = { absolute: ROPE_ABSOLUTE };
        assertWithin(values.read(out, count), values.read(twin, count), tolerance, what);
      }
    }
  });
});

interface Heads {
  readonly rows: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly keySize: number;
  readonly valueSize: number;
}

interface Inputs {
  readonly q: Float32Array;
  readonly k: Float32Array;
  readonly v: Float32Array;
}

const LAYER_OFFSET = 64;

function attendInputs({ rows, heads, kvHeads, keySize, valueSize }: Heads): Inputs {
  return {
    q: numbers(rows * heads * keySize, 2, rows),
    k: numbers(rows * kvHeads * keySize, 2, keySize),
    v: numbers(rows * kvHeads * valueSize, 2, valueSize),
  };
}

const scaleOf = (shape: Heads) => 1 / Math.sqrt(shape.keySize);

/** Attends in chunks of rows over fresh pages that are full of NaN. */
function attendInChunks(
  values: CoreValues,
  shape: Heads,
  { q, k, v }: Inputs,
  { type, bytesOf32 }: PageFormat,
  chunk: number,
): Float32Array {
  const { rows, heads, kvHeads, keySize, valueSize } = shape;
  const pageBytes = LAYER_OFFSET + kvHeads * (keySize + valueSize) * bytesOf32;
  const list = values.i32(
    Array.from({ length: Math.ceil(rows / 32) }, () => values.room(Math.ceil(pageBytes / 4))),
  );
  const [qAt, kAt, vAt] = [values.f32(q), values.f32(k), values.f32(v)];
  const out = values.room(rows * heads * valueSize);
  for (let start = 0; start < rows; start += chunk) {
    const n = Math.min(chunk, rows - start);
    const positions = values.i32(Array.from({ length: n }, (_, i) => start + i));
    const tables = values.i32(Array.from({ length: n }, () => list));
    const status = values.exports.attend(
      qAt + 4 * start * heads * keySize,
      kAt + 4 * start * kvHeads * keySize,
      vAt + 4 * start * kvHeads * valueSize,
      out + 4 * start * heads * valueSize,
      ...[positions, tables, n, heads, kvHeads, keySize, valueSize] as const,
      ...[scaleOf(shape), LAYER_OFFSET, type] as const,
    );
    assertEquals(status, 0);
  }
  return values.read(out, rows * heads * valueSize);
}

/** The twin over keys and values as pages hold them. */
function attendTwin(
  values: CoreValues,
  shape: Heads,
  { q, k, v }: Inputs,
  { stored }: PageFormat,
): Float32Array {
  const { rows, heads, kvHeads, keySize, valueSize } = shape;
  const out = values.room(rows * heads * valueSize);
  const status = values.exports.attend_scalar(
    ...[values.f32(q), values.f32(stored(k)), values.f32(stored(v)), out] as const,
    ...[rows, heads, kvHeads, keySize, valueSize, scaleOf(shape)] as const,
  );
  assertEquals(status, 0);
  return values.read(out, rows * heads * valueSize);
}

/** Sizes of keys and values, heads and KV heads. */
const HEADS = [[1, 4, 1, 1], [3, 36, 3, 1], [7, 8, 4, 2], [16, 64, 2, 2], [33, 20, 6, 2]];
const BLOCK_HEADS = [[32, 32, 3, 1], [64, 96, 4, 2], [160, 64, 2, 2]];

Deno.test("attend: agrees with the scalar twin over pages of every type in every artifact", async () => {
  await eachCore((values, variant) => {
    for (const rows of [1, 2, 3, 7, 16, 31, 32, 33, 65]) {
      for (const [keySize, valueSize, heads, kvHeads] of [...HEADS, ...BLOCK_HEADS]) {
        const shape = { rows, heads, kvHeads, keySize, valueSize };
        const inputs = attendInputs(shape);
        const isInBlocks = [keySize, valueSize].every((size) => size % 32 === 0);
        for (const format of isInBlocks ? [...FLOAT_PAGES, Q8_PAGES] : FLOAT_PAGES) {
          const got = attendInChunks(values, shape, inputs, format, rows);
          const twin = attendTwin(values, shape, inputs, format);
          const what = `${variant} ${JSON.stringify(shape)} ${format.name}`;
          assertWithin(got, twin, { absolute: ATTEND_ABSOLUTE }, what);
        }
      }
    }
  });
});

Deno.test("attend: the same bits whole and in chunks in every artifact", async () => {
  const odd = { rows: 70, heads: 4, kvHeads: 2, keySize: 10, valueSize: 36 };
  const blocks = { rows: 70, heads: 6, kvHeads: 2, keySize: 64, valueSize: 160 };
  await eachCore((values, variant) => {
    const check = (shape: Heads, format: PageFormat) => {
      const inputs = attendInputs(shape);
      const whole = attendInChunks(values, shape, inputs, format, shape.rows);
      for (const chunk of [1, 7, 32, 33]) {
        const chunked = attendInChunks(values, shape, inputs, format, chunk);
        assertWithin(chunked, whole, {}, `${variant} ${format.name} chunks of ${chunk}`);
      }
    };
    for (const format of FLOAT_PAGES) check(odd, format);
    for (const format of [...FLOAT_PAGES, Q8_PAGES]) check(blocks, format);
  });
});

Deno.test("attend: what is not a number stays so, in its own row and head and where it is seen, in every artifact", async () => {
  const shape = { rows: 40, heads: 4, kvHeads: 2, keySize: 32, valueSize: 32 };
  await eachCore((values, variant) => {
    for (const format of [...FLOAT_PAGES, Q8_PAGES]) {
      const inputs = attendInputs(shape);
      inputs.q[(33 * 4 + 2) * 32 + 5] = NaN; // row 33, head 2
      const out = attendInChunks(values, shape, inputs, format, 40);
      for (let i = 0; i < out.length; i += 32) {
        assertEquals(Number.isNaN(out[i]), i / 32 === 33 * 4 + 2, `${variant} ${format.name} ${i}`);
      }
    }
    const inputs = attendInputs(shape);
    inputs.k[(35 * 2 + 1) * 32] = NaN; // seen by heads 2 and 3 from row 35 on
    const out = attendInChunks(values, shape, inputs, FLOAT_PAGES[0], 40);
    for (let i = 0; i < out.length; i += 32) {
      const isSeen = i / 128 >= 35 && (i / 32) % 4 >= 2;
      assertEquals(Number.isNaN(out[i]), isSeen, `${variant} ${i}`);
    }
  });
});

Deno.test("layers: wrong arguments give a status and write nothing", async () => {
  await eachCore((values) => {
    const { exports } = values;
    const [at, out] = [values.f32([1, 2, 3, 4]), values.room(4)];
    const statuses = [
      exports.rms_norm(at, at, 0, 1, 4, 0),
      exports.rms_norm(at, at, out, 1, 0, 0),
      exports.swiglu(0, at, out, 4),
      exports.add(at, 0, out, 4),
      exports.rope_table(0, 0, out, 1, 2, 1e4, 1),
      exports.rope(at, at, out, 1, 1, 3, 2, 0, 0),
      exports.rope(at, at, out, 1, 1, 4, 2, 0, 1), // turns beyond the head
      exports.attend(at, at, at, out, at, at, 1, 3, 2, 4, 4, 1, 0, 0), // 3 heads over 2
      exports.attend(at, at, at, out, at, at, 1, 2, 2, 4, 3, 1, 0, 0), // values of 3
      exports.attend(at, at, at, out, at, 0, 1, 2, 2, 4, 4, 1, 0, 0),
      exports.attend(at, at, at, out, at, at, 1, 2, 2, 580, 4, 1, 0, 0), // keys beyond the largest
      exports.attend(at, at, at, out, at, at, 1, 2, 2, 32, 36, 1, 0, 8), // Q8_0 of 36
      exports.attend(at, at, at, out, at, at, 1, 2, 2, 4, 4, 1, 0, 2), // no type of pages
    ];
    assertEquals(statuses, statuses.map(() => 1));
    assertEquals([...values.read(out, 4)], [NaN, NaN, NaN, NaN]);
  });
});
