/** Tests of interleaved_rows.ts: the order of rows, however they are cut into reads. */
import { assertEquals } from "@std/assert";
import { type GgmlType, ggmlTypeByName } from "../../gguf/mod.ts";
import { interleavedRows } from "./interleaved_rows.ts";

Deno.test("interleavedRows: halves become neighbours, for any first row and number of rows", async () => {
  const [headSize, heads] = [6, 3];
  const rows = headSize * heads;
  const plain = {
    name: "q",
    dims: [1, rows],
    type: ggmlTypeByName("F16") as GgmlType,
    readRows(row: number, into: Uint8Array): Promise<void> {
      for (let i = 0; i < into.length; i++) into[i] = 2 * row + i;
      return Promise.resolve();
    },
  };
  const wanted = [0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11, 12, 15, 13, 16, 14, 17]
    .flatMap((row) => [2 * row, 2 * row + 1]);
  const tensor = interleavedRows(plain, headSize, 2);
  for (let first = 0; first < rows; first++) {
    for (let count = 1; first + count <= rows; count++) {
      const into = new Uint8Array(2 * count);
      await tensor.readRows(first, into);
      assertEquals([...into], wanted.slice(2 * first, 2 * (first + count)));
    }
  }
});
