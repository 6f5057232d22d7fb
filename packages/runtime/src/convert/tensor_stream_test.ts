/** Tests of tensor_stream.ts: the type that a folder's matrices have. The tensors themselves are compared in tests/parity. */
import { assertEquals } from "@std/assert";
import { blobSource } from "../gguf/mod.ts";
import { storedType } from "./tensor_stream.ts";

function weights(...entries: [dtype: string, ...shape: number[]][]) {
  const source = blobSource(new Blob());
  const tensors = entries.map(([dtype, ...shape], i) => {
    const name = `tensor ${i}`;
    return [name, { name, dtype, shape, offset: 0, sizeBytes: 0, source }] as const;
  });
  return { tensors: new Map(tensors), close: () => Promise.resolve() };
}

Deno.test("storedType: that of most weights of matrices, vectors do not count", () => {
  assertEquals(storedType(weights(["F32", 4, 4], ["BF16", 8, 8], ["F32", 4, 4])), "BF16");
  assertEquals(storedType(weights(["F32", 4, 4], ["BF16", 8, 8], ["F32", 8, 8])), "F32");
  assertEquals(storedType(weights(["F32", 1000], ["F16", 2, 2])), "F16");
  assertEquals(storedType(weights()), "F32");
});

Deno.test("storedType: FP8 counts as BF16", () => {
  assertEquals(storedType(weights(["F8_E4M3", 8, 8], ["F32", 9, 9], ["BF16", 5, 5])), "BF16");
});
