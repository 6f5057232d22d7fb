/** The packed kernels of every artifact against their scalar twins, through the exports. Formats' numbers are tested in core-rs. */
import { assertEquals } from "@std/assert";
import { type Core, startCore, VARIANTS } from "./core.ts";
import { nmse } from "../../../../../tests/support/tolerance.ts";
import { seededRandom } from "../../../../../tests/support/seeded_random.ts";

/** Fused and separate multiply-adds on the same exact integer sums differ by f32 rounding only. */
const MADD_NMSE = 1e-12;

interface Format {
  readonly name: string;
  readonly id: number;
  readonly blockCols: number;
  readonly blockBytes: number;
  /** Byte offsets of the f16 numbers of a block. */
  readonly halves: readonly number[];
  /** Where four words hold an f16 number in their upper 4 bits each, the lowest first. */
  readonly spreadHalf?: number;
  /** Bytes from and to of the scales, and the bits they keep: sums of 512 columns stay below 2^24, where f32 is exact. */
  readonly scales?: readonly [number, number, number];
}

const FORMATS: readonly Format[] = [
  { name: "F32", id: 0, blockCols: 1, blockBytes: 4, halves: [] },
  { name: "F16", id: 1, blockCols: 1, blockBytes: 2, halves: [0] },
  { name: "BF16", id: 30, blockCols: 1, blockBytes: 2, halves: [] },
  { name: "Q4_0", id: 2, blockCols: 32, blockBytes: 18, halves: [0] },
  { name: "Q4_1", id: 3, blockCols: 32, blockBytes: 20, halves: [0, 2] },
  { name: "Q5_0", id: 6, blockCols: 32, blockBytes: 22, halves: [0] },
  { name: "Q5_1", id: 7, blockCols: 32, blockBytes: 24, halves: [0, 2] },
  { name: "Q8_0", id: 8, blockCols: 32, blockBytes: 34, halves: [0] },
  { name: "Q2_K", id: 10, blockCols: 256, blockBytes: 84, halves: [80, 82], scales: [0, 16, 0x33] },
  { name: "Q3_K", id: 11, blockCols: 256, blockBytes: 110, halves: [108] },
  { name: "Q4_K", id: 12, blockCols: 256, blockBytes: 144, halves: [0, 2], scales: [4, 16, 0x33] },
  { name: "Q5_K", id: 13, blockCols: 256, blockBytes: 176, halves: [0, 2], scales: [4, 16, 0x33] },
  { name: "Q6_K", id: 14, blockCols: 256, blockBytes: 210, halves: [208], scales: [192, 208, 3] },
  { name: "IQ1_S", id: 19, blockCols: 256, blockBytes: 50, halves: [0] },
  { name: "IQ1_M", id: 29, blockCols: 256, blockBytes: 56, halves: [], spreadHalf: 48 },
  { name: "IQ2_XXS", id: 16, blockCols: 256, blockBytes: 66, halves: [0] },
  { name: "IQ2_XS", id: 17, blockCols: 256, blockBytes: 74, halves: [0] },
  { name: "IQ2_S", id: 22, blockCols: 256, blockBytes: 82, halves: [0] },
  { name: "IQ3_XXS", id: 18, blockCols: 256, blockBytes: 98, halves: [0] },
  { name: "IQ3_S", id: 21, blockCols: 256, blockBytes: 110, halves: [0] },
  { name: "IQ4_NL", id: 20, blockCols: 32, blockBytes: 18, halves: [0] },
  { name: "IQ4_XS", id: 23, blockCols: 256, blockBytes: 136, halves: [0], scales: [2, 4, 0] },
  { name: "TQ1_0", id: 34, blockCols: 256, blockBytes: 54, halves: [52] },
  { name: "TQ2_0", id: 35, blockCols: 256, blockBytes: 66, halves: [64] },
];

const COLS = 512;
const OUTPUTS = 29;

/** Rows of a file with small numbers: `half` gives the upper byte of each f16, integers are random. */
function fileRows(format: Format, random: (limit: number) => number, half: () => number) {
  const bytes = new Uint8Array((OUTPUTS * COLS / format.blockCols) * format.blockBytes);
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < bytes.length; at += format.blockBytes) {
    for (let i = 0; i < format.blockBytes; i++) bytes[at + i] = random(256);
    const [from, to, kept] = format.scales ?? [0, 0, 0];
    for (let i = from; i < to; i++) bytes[at + i] &= kept;
    for (const offset of format.halves) view.setUint16(at + offset, half() << 8, true);
    if (format.spreadHalf !== undefined) {
      const bits = half() << 8;
      for (let i = 0; i < 4; i++) {
        const upper = at + format.spreadHalf + 2 * i + 1;
        bytes[upper] = bytes[upper] & 15 | (bits >> (4 * i) & 15) << 4;
      }
    }
    if (format.name === "F32") view.setFloat32(at, random(255) - 127, true);
    if (format.name === "BF16") view.setUint16(at, 0x3f80 | (random(2) << 15), true);
  }
  return bytes;
}

/** Runs `linear` and its twin on `rows` rows of x. */
function products(core: Core, format: Format, x: Float32Array, file: Uint8Array) {
  const { exports, memory } = core;
  const rows = x.length / COLS;
  const place = (bytes: number): number => exports.allocate(bytes);
  const [src, input] = [place(file.length), place(x.byteLength)];
  const packed = place(exports.packed_bytes(format.id, OUTPUTS, COLS));
  const act = place(exports.activation_bytes(rows, COLS));
  const [out, twin] = [place(rows * OUTPUTS * 4), place(rows * OUTPUTS * 4)];
  new Uint8Array(memory.buffer, src, file.length).set(file);
  new Float32Array(memory.buffer, input, x.length).set(x);
  const tiles = Math.ceil(OUTPUTS / 8);
  const products = place(20);
  new Uint32Array(memory.buffer, products, 5).set([format.id, packed, 0, out, OUTPUTS]);
  const statuses = [
    exports.pack_rows(format.id, src, packed, tiles, COLS, OUTPUTS - 8 * (tiles - 1)),
    exports.quantize_rows(input, act, rows, COLS),
    exports.linear(products, 1, input, act, rows, COLS),
    exports.linear_scalar(format.id, input, src, 0, twin, rows, COLS, OUTPUTS),
  ];
  assertEquals(statuses, [0, 0, 0, 0], format.name);
  const read = (at: number) => new Float32Array(memory.buffer, at, rows * OUTPUTS).slice();
  return { sums: read(out), twin: read(twin) };
}

/** Each artifact, with dots of seven bits and with those of whole bytes where this engine has them. */
async function eachVariant(run: (core: Core, variant: string) => void): Promise<void> {
  for (const variant of VARIANTS) {
    for (
      const byteDot of new Set([0, (await startCore(variant, 64 << 20)).exports.byte_dot_probe()])
    ) {
      const core = await startCore(variant, 64 << 20);
      assertEquals(core.exports.use_byte_dot(byteDot), 0);
      run(core, `${variant} byte dot ${byteDot}`);
    }
  }
}

Deno.test("linear: integer sums equal the scalar twin's in every artifact", async () => {
  await eachVariant((core, variant) => {
    for (const format of FORMATS) {
      const random = seededRandom(format.id);
      // f16 numbers are 1 and 32 columns of x hold whole numbers up to 127, so scales are 1 and f32 adds are exact.
      const file = fileRows(format, random, () => 0x3c);
      const x = Float32Array.from(
        { length: 5 * COLS },
        (_, i) => i % 32 === 0 ? 127 : random(255) - 127,
      );
      const { sums, twin } = products(core, format, x, file);
      assertEquals([...sums], [...twin], `${variant} ${format.name}`);
    }
  });
});

Deno.test("linear: floats agree with the scalar twin, and a row alone has the bits it has among 37", async () => {
  await eachVariant((core, variant) => {
    for (const format of FORMATS) {
      const random = seededRandom(100 + format.id);
      const file = fileRows(format, random, () => 0x20 | random(2) << 7 | random(8));
      const x = Float32Array.from({ length: 37 * COLS }, () => random(1 << 20) / (1 << 19) - 1);
      const { sums, twin } = products(core, format, x, file);
      const difference = nmse(sums, twin);
      assertEquals(difference <= MADD_NMSE, true, `${variant} ${format.name}: ${difference}`);
      for (const row of [0, 3, 35, 36]) {
        const alone = products(core, format, x.slice(row * COLS, (row + 1) * COLS), file).sums;
        const among = sums.slice(row * OUTPUTS, (row + 1) * OUTPUTS);
        assertEquals([...alone], [...among], `${variant} ${format.name} row ${row}`);
      }
    }
  });
});

Deno.test("linear: wrong arguments give a status and write nothing", async () => {
  const { exports, memory } = await startCore("simd", 64 << 20);
  const place = exports.allocate(4096);
  const [good, unknown, nowhere] = [[2, place], [99, place], [2, 0]].map(([type, packed]) => {
    const list = exports.allocate(20);
    new Uint32Array(memory.buffer, list, 5).set([type, packed, 0, place, 8]);
    return list;
  });
  assertEquals(exports.linear(unknown, 1, place, place, 1, 32), 1);
  assertEquals(exports.linear(nowhere, 1, place, place, 1, 32), 1);
  assertEquals(exports.linear(good, 1, place, place, 1, 31), 1);
  assertEquals(exports.linear(good, 1, place, 0, 1, 32), 1);
  assertEquals(exports.linear(0, 1, place, place, 1, 32), 1);
  assertEquals(exports.pack_rows(2, place, place, 1, 32, 0), 1);
  assertEquals(exports.packed_bytes(2, 8, 33), 0);
  assertEquals(exports.use_byte_dot(3), 1);
});
