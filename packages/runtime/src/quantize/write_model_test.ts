/** Tests of write_model.ts: tensors of many chunks, each row in its place, and how much is asked for at a time. */
import { assert, assertEquals } from "@std/assert";
import { tensorBytes, writtenModel } from "../../../../tests/support/memory_sink.ts";
import { assertSameBytes } from "../../../../tests/support/same_bytes.ts";
import { type GgmlType, ggmlTypeByName } from "../gguf/mod.ts";
import { type FloatTensor, writeModel } from "./write_model.ts";

Deno.test("writeModel: rows of a large tensor keep their places and come in pieces", async () => {
  const [cols, rows] = [512, 5000];
  let largest = 0;
  const tensor: FloatTensor = {
    name: "large.weight",
    dims: [cols, rows],
    type: ggmlTypeByName("F32") as GgmlType,
    readRows(row, into) {
      largest = Math.max(largest, into.length);
      const values = new Float32Array(into.length / 4);
      for (let i = 0; i < values.length; i++) values[i] = row * cols + i;
      into.set(new Uint8Array(values.buffer));
      return Promise.resolve();
    },
  };
  const model = await writtenModel((sink) =>
    writeModel(sink, { metadata: [], tensors: [tensor] }, "F32")
  );
  const values = new Float32Array((await tensorBytes(model, tensor.name)).buffer);
  assertSameBytes(values, Float32Array.from({ length: cols * rows }, (_, i) => i), "values");
  assert(largest <= 4 * 2 ** 20, `${largest} bytes at a time`);
  assertEquals(model.gguf.metadata.count("general.file_type"), 0);
});
