/** Tests of fp8_rows.ts: every code, ragged blocks, any cut into reads, and what is no number. */
import { assertEquals, assertRejects } from "@std/assert";
import { blobSource } from "../../gguf/mod.ts";
import { CheckpointError } from "../../errors.ts";
import type { PlacedTensor } from "../checkpoint/weight_files.ts";
import { fp8Rows } from "./fp8_rows.ts";

function placed(name: string, dtype: string, shape: number[], data: BlobPart): PlacedTensor {
  const source = { ...blobSource(new Blob(["head", data])), name: "a.safetensors" };
  return { name, dtype, shape, offset: 4, sizeBytes: source.sizeBytes - 4, source };
}

async function rowsOf(
  codes: Uint8Array<ArrayBuffer>,
  shape: number[],
  scales: Float32Array<ArrayBuffer>,
  [first, count]: [number, number] = [0, shape[0]],
): Promise<Float32Array> {
  const scaleShape = shape.map((size) => Math.ceil(size / 128));
  const tensor = fp8Rows(
    placed("w", "F8_E4M3", shape, codes),
    placed("w_scale_inv", "F32", scaleShape, scales),
    "blk.0.ffn_up.weight",
  );
  assertEquals([tensor.name, tensor.type.name, tensor.dims], [
    "blk.0.ffn_up.weight",
    "F32",
    shape.toReversed(),
  ]);
  const into = new Uint8Array(4 * count * shape[1]);
  await tensor.readRows(first, into);
  return new Float32Array(into.buffer);
}

/** OCP 8-bit floating point, table 1: E4M3 read from its bits. */
function e4m3(code: number): number {
  const text = code.toString(2).padStart(8, "0");
  const [exponent, fraction] = [parseInt(text.slice(1, 5), 2), parseInt(text.slice(5), 2)];
  const size = exponent === 0 ? 2 ** -6 * (fraction / 8) : 2 ** (exponent - 7) * (1 + fraction / 8);
  return text[0] === "1" ? -size : size;
}

const isNumber = (code: number) => code !== 0x7f && code !== 0xff;

Deno.test("fp8Rows: every code, zero with its sign, and the largest is 448", async () => {
  const codes = Uint8Array.from({ length: 256 }, (_, code) => isNumber(code) ? code : 0);
  const values = await rowsOf(codes, [2, 128], new Float32Array([1]));
  const wanted = Float32Array.from(codes, e4m3);
  assertEquals(new Uint32Array(values.buffer), new Uint32Array(wanted.buffer));
  assertEquals([Math.max(...values), values[1], values[8]], [448, 2 ** -9, 2 ** -6]);
});

Deno.test("fp8Rows: each block has its scale, also those at the edges, however rows are read", async () => {
  const [rows, cols] = [261, 130];
  const codes = Uint8Array.from(
    { length: rows * cols },
    (_, i) => isNumber(i * 37 & 255) ? i * 37 & 255 : 1,
  );
  const scales = Float32Array.from([0.1, 0.2, 0.3, 1e-7, 5, 1 / 3]);
  const wanted = Float32Array.from(codes, (code, i) => {
    const [row, col] = [Math.floor(i / cols), i % cols];
    return Math.fround(e4m3(code)) * scales[2 * Math.floor(row / 128) + Math.floor(col / 128)];
  });
  const cuts: [number, number][] = [[0, rows], [127, 2], [128, 128], [5, 250], [260, 1]];
  for (const [first, count] of cuts) {
    assertEquals(
      await rowsOf(codes, [rows, cols], scales, [first, count]),
      wanted.subarray(first * cols, (first + count) * cols),
    );
  }
});

Deno.test("fp8Rows: a code that is no number is an error with the tensor's name and place", async () => {
  for (const code of [0x7f, 0xff]) {
    const codes = new Uint8Array(130 * 4);
    codes[129 * 4 + 3] = code;
    const scales = new Float32Array([1, 0]);
    assertEquals(await rowsOf(codes, [130, 4], scales, [0, 129]), new Float32Array(129 * 4));
    await assertRejects(
      () => rowsOf(codes, [130, 4], scales),
      CheckpointError,
      "Tensor w of a.safetensors holds a value that is no number (row 129, column 3)",
    );
  }
});
