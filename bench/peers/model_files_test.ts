/** Files made from Q4_1 weights: shapes, formats and how far the weights move. */
import { assert, assertEquals } from "@std/assert";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openGguf, type TensorToWrite, writeGguf } from "@aha/runtime/gguf";
import { recode } from "./model_files.ts";

/** Two blocks of Q4_1: weight i of a block is `minimum + i % 16 * scale`. */
const BLOCKS = [{ scale: 0.25, minimum: -2 }, { scale: 0.5, minimum: -1 }];

function tensors(): TensorToWrite[] {
  const matrix = new DataView(new ArrayBuffer(40));
  BLOCKS.forEach(({ scale, minimum }, block) => {
    matrix.setFloat16(block * 20, scale, true);
    matrix.setFloat16(block * 20 + 2, minimum, true);
    for (let i = 0; i < 16; i++) matrix.setUint8(block * 20 + 4 + i, i * 17);
  });
  const vector = new Uint8Array(new Float32Array([1, 2, 3]).buffer);
  return [
    { name: "a", dims: [32, 2], type: "Q4_1", data: () => [new Uint8Array(matrix.buffer)] },
    { name: "b", dims: [3], type: "F32", data: () => [vector] },
  ];
}

async function recoded(format: "Q4_0" | "Q8_0"): Promise<{ type: string; bytes: Uint8Array }[]> {
  const folder = mkdtempSync(join(tmpdir(), "aha-recode-"));
  try {
    const parts: Uint8Array<ArrayBuffer>[] = [];
    const sink = { write: (bytes: Uint8Array) => void parts.push(new Uint8Array(bytes)) };
    await writeGguf(sink, {
      metadata: [
        ["general.architecture", { type: "string", value: "llama" }],
        ["general.file_type", { type: "uint32", value: 3 }],
      ],
      tensors: tensors(),
    });
    const [from, to] = [join(folder, "from.gguf"), join(folder, "to.gguf")];
    writeFileSync(from, new Uint8Array(await new Blob(parts).arrayBuffer()));
    await recode(from, to, format);
    const { gguf, source } = await openGguf(to);
    const all: { type: string; bytes: Uint8Array }[] = [];
    for (const { type, offset, sizeBytes } of gguf.tensors.values()) {
      const bytes = new Uint8Array(sizeBytes);
      await source.read(offset, bytes);
      all.push({ type: type.name, bytes });
    }
    await source.close();
    return all;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Largest distance of a weight from the source's, in steps of its block's scale. */
function worstSteps(
  blockBytes: number,
  bytes: Uint8Array,
  level: (i: number, at: number) => number,
) {
  const view = new DataView(bytes.buffer);
  return Math.max(...BLOCKS.flatMap(({ scale, minimum }, block) => {
    const own = view.getFloat16(block * blockBytes, true);
    return Array.from({ length: 32 }, (_, i) => {
      const weight = own * level(i, block * blockBytes + 2);
      return Math.abs(weight - (minimum + (i % 16) * scale)) / Math.abs(own);
    });
  }));
}

Deno.test("recode: Q4_0 keeps vectors, and weights within a step", async () => {
  const [matrix, vector] = await recoded("Q4_0");
  assertEquals([matrix.type, vector.type], ["Q4_0", "F32"]);
  assertEquals([...new Float32Array(vector.bytes.buffer)], [1, 2, 3]);
  const { bytes } = matrix;
  const level = (i: number, at: number): number =>
    (i < 16 ? bytes[at + i] & 15 : bytes[at + i - 16] >> 4) - 8;
  // The far end of the range has no level of its own: 15 stands for 7 steps, not 8.
  assert(worstSteps(18, bytes, level) <= 1);
});

Deno.test("recode: Q8_0 keeps weights within half a step", async () => {
  const [{ type, bytes }] = await recoded("Q8_0");
  assertEquals(type, "Q8_0");
  const signed = new Int8Array(bytes.buffer);
  // The scale itself is rounded to f16: 2^-11 of up to 127 steps.
  assert(worstSteps(34, bytes, (i, at) => signed[at + i]) <= 0.5 + 127 / 2048);
});
