/** The folder holds what the file holds: the converter's way back, and the sizes. */
import { assertEquals } from "@std/assert";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SHAPES } from "@aha/grpo";
import { ggmlTypeByName } from "@aha/runtime/gguf";
import { openTrainable } from "@aha/runtime/training";
import { interleavedRows } from "../../packages/runtime/src/convert/rows/interleaved_rows.ts";
import { halvedRows, writeModelFiles } from "./model_files.ts";

const FLOAT_BYTES = 4;

Deno.test("halvedRows: the converter's reordering takes them back", async () => {
  const [rows, cols, headSize] = [16, 3, 8];
  const numbers = Float32Array.from({ length: rows * cols }, (_, i) => i);
  const halved = halvedRows(numbers, headSize, cols);
  const back = new Uint8Array(numbers.byteLength);
  const tensor = {
    ...{ name: "q", dims: [cols, rows], type: ggmlTypeByName("F32")! },
    readRows: (first: number, into: Uint8Array) => {
      const start = first * cols * FLOAT_BYTES;
      into.set(new Uint8Array(halved.buffer, start, into.length));
      return Promise.resolve();
    },
  };
  await interleavedRows(tensor, headSize, cols * FLOAT_BYTES).readRows(0, back);
  assertEquals(new Float32Array(back.buffer), numbers);
});

Deno.test("writeModelFiles: a model that no token ends, and all of its weights in the folder", async () => {
  const where = mkdtempSync(join(tmpdir(), "aha-step-files-"));
  try {
    const { file, folder } = await writeModelFiles(where, SHAPES.ci);
    const model = await openTrainable(file);
    assertEquals(model.tokenizer.endIds.size, 0);
    const weights = [...model.tensors.values()]
      .reduce((sum, { dims }) => sum + dims.reduce((product, size) => product * size, 1), 0);
    await model.close();
    const path = join(folder, "model.safetensors");
    const head = new DataView(new Uint8Array(readFileSync(path)).buffer).getBigUint64(0, true);
    assertEquals(statSync(path).size, 8 + Number(head) + weights * FLOAT_BYTES);
    const config = JSON.parse(readFileSync(join(folder, "config.json"), "utf8"));
    const { width, layers, heads, hidden } = SHAPES.ci;
    assertEquals([config.hidden_size, config.num_hidden_layers], [width, layers]);
    assertEquals([config.num_attention_heads, config.intermediate_size], [heads, hidden]);
  } finally {
    rmSync(where, { recursive: true });
  }
});
