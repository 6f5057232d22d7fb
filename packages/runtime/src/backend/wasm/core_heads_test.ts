/** Heads apart and together in every artifact: cuts and joins in every number, products against those of `linear`. */
import { assertEquals } from "@std/assert";
import { numbers } from "../../../../../tests/support/core_pages.ts";
import {
  assertWithin,
  type CoreValues,
  eachCore,
} from "../../../../../tests/support/core_values.ts";

const SHAPES = [[1, 1, 1, 2], [3, 5, 7, 4], [33, 16, 96, 33]];

Deno.test("split_heads, join_heads: every number in every artifact", async () => {
  await eachCore((values, variant) => {
    const { exports } = values;
    for (const [rows, heads, a, b] of SHAPES) {
      const x = Float32Array.from({ length: rows * heads * (a + b) }, (_, i) => i);
      const sizes = [a, b];
      const parts = sizes.map((size) => values.room(rows * heads * size));
      const list = values.i32(parts.flatMap((at, i) => [at, sizes[i], heads]));
      const out = values.room(x.length);
      assertEquals(exports.split_heads(values.f32(x), list, 2, rows, heads), 0);
      assertEquals(exports.join_heads(list, 2, out, rows, heads), 0);
      const second = (i: number) => Math.floor(i / b) * (a + b) + a + i % b;
      const want = Float32Array.from({ length: rows * heads * b }, (_, i) => x[second(i)]);
      assertEquals(values.read(parts[1], want.length), want, variant);
      assertEquals(values.read(out, x.length), x, variant);
    }
    const [own, all] = [values.f32([1, 2, 3, 4]), values.f32([10, 20])];
    const out = values.room(8);
    assertEquals(exports.join_heads(values.i32([own, 1, 2, all, 1, 1]), 2, out, 2, 2), 0);
    assertEquals([...values.read(out, 8)], [1, 10, 2, 10, 3, 20, 4, 20], variant);
  });
});

/** A format that the core writes itself, and columns of a head. */
const FORMATS = [["F32", 0, 41], ["Q4_0", 2, 64], ["Q8_0", 8, 32], ["Q4_K", 12, 256]] as const;

/** The file's rows `[outputs, cols]` of one head, and their place in packed tiles. */
function head(values: CoreValues, id: number, cols: number, outputs: number, seed: number) {
  const { exports } = values;
  const rows = values.f32(numbers(outputs * cols, 0.1, seed));
  if (id === 0) return rows;
  const file = values.room(outputs * cols);
  assertEquals(exports.quantize(id, rows, file, outputs * cols), 0);
  return file;
}

Deno.test("head_linear: each head has the bits of linear with its weights alone, any rows, in every artifact", async () => {
  const [rows, heads, outputs] = [19, 3, 13];
  await eachCore((values, variant) => {
    const { exports } = values;
    for (const [name, id, cols] of FORMATS) {
      const bytes = exports.packed_bytes(id, outputs, cols);
      const packed = values.room(heads * bytes / 4);
      const bias = numbers(heads * outputs, 1, id);
      const x = numbers(rows * heads * cols, 1, cols);
      const files = Array.from({ length: heads }, (_, h) => head(values, id, cols, outputs, h));
      files.forEach((file, h) =>
        assertEquals(exports.pack_rows(id, file, packed + h * bytes, 2, cols, outputs - 8), 0)
      );
      const product = (x: Float32Array): Float32Array => {
        const count = x.length / heads / cols;
        const at = values.f32(x);
        const act = values.room(exports.activation_bytes(count, heads * cols) / 4);
        const out = values.room(count * heads * outputs);
        assertEquals(exports.quantize_rows(at, act, count, heads * cols), 0);
        const status = exports.head_linear(
          ...[id, at, act, packed, values.f32(bias), out, count, heads, cols, outputs] as const,
        );
        assertEquals(status, 0);
        return values.read(out, count * heads * outputs);
      };
      const all = product(x);
      const width = heads * outputs;
      for (let h = 0; h < heads; h++) {
        const own = x.filter((_, i) => Math.floor(i / cols) % heads === h);
        const at = values.f32(own);
        const act = values.room(exports.activation_bytes(rows, cols) / 4);
        const out = values.room(rows * outputs);
        exports.quantize_rows(at, act, rows, cols);
        const ownBias = values.f32(bias.slice(h * outputs, (h + 1) * outputs));
        const list = values.i32([id, packed + h * bytes, ownBias, out, outputs]);
        assertEquals(exports.linear(list, 1, at, act, rows, cols), 0);
        const got = all.filter((_, i) => Math.floor(i % width / outputs) === h);
        assertWithin(got, values.read(out, rows * outputs), {}, `${variant} ${name} head ${h}`);
      }
      for (const row of [0, 7, 18]) {
        const alone = product(x.slice(row * heads * cols, (row + 1) * heads * cols));
        assertWithin(alone, all.slice(row * width, (row + 1) * width), {}, `${variant} ${name}`);
      }
    }
  });
});

Deno.test("heads: wrong arguments give a status and write nothing", async () => {
  await eachCore((values) => {
    const { exports } = values;
    const [at, out] = [values.f32([1, 2, 3, 4]), values.room(4)];
    const [good, nowhere, odd] = [[out, 2, 2], [0, 2, 2], [out, 1, 3]].map((p) => values.i32(p));
    const one = values.i32([out, 2, 1]);
    const statuses = [
      exports.split_heads(0, good, 1, 1, 2),
      exports.split_heads(at, 0, 1, 1, 2),
      exports.split_heads(at, nowhere, 1, 1, 2),
      exports.split_heads(at, odd, 1, 1, 2), // 3 heads of 2
      exports.split_heads(at, one, 1, 1, 2), // one head cannot be all
      exports.join_heads(good, 1, 0, 1, 2),
      exports.join_heads(odd, 1, out, 1, 2),
      exports.head_linear(99, at, at, at, 0, out, 1, 2, 32, 8),
      exports.head_linear(2, at, at, at, 0, out, 1, 2, 31, 8),
      exports.head_linear(2, at, 0, at, 0, out, 1, 2, 32, 8),
      exports.head_linear(0, 0, at, at, 0, out, 1, 2, 32, 8),
      exports.head_linear(0, at, at, 0, 0, out, 1, 2, 32, 8),
    ];
    assertEquals(statuses, statuses.map(() => 1));
    assertEquals([...values.read(out, 4)], [NaN, NaN, NaN, NaN]);
  });
});
