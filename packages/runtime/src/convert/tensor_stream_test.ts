/** Tests of tensor_stream.ts: the type that a folder's matrices have. The tensors themselves are compared in tests/parity. */
import { assertEquals } from "@std/assert";
import { type GgmlType, ggmlTypeByName } from "../gguf/mod.ts";
import { storedType } from "./tensor_stream.ts";

function tensor(type: string, ...dims: number[]) {
  const known = ggmlTypeByName(type) as GgmlType;
  return { name: "x", dims, type: known, readRows: () => Promise.resolve() };
}

Deno.test("storedType: that of most weights of matrices, vectors do not count", () => {
  const tensors = [tensor("F32", 4, 4), tensor("BF16", 8, 8), tensor("F32", 4, 4)];
  assertEquals(storedType(tensors), "BF16");
  assertEquals(storedType([...tensors, tensor("F32", 8, 8)]), "F32");
  assertEquals(storedType([tensor("F32", 1000), tensor("F16", 2, 2)]), "F16");
  assertEquals(storedType([]), "F32");
});
