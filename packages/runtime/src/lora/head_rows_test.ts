/** Tests of the order of rows of heads against the converter's. */
import { assertEquals } from "@std/assert";
import { halved, interleaved } from "./head_rows.ts";

Deno.test("head rows: halves become neighbours, head by head, and back", () => {
  // Two heads of 4 rows of 2 numbers: a row's numbers tell where it was.
  const rows = Float32Array.from({ length: 16 }, (_, i) => i);
  const neighbours = interleaved(rows, 4, 2);
  assertEquals(Array.from(neighbours), [0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15]);
  assertEquals(halved(neighbours, 4, 2), rows);
});
