/** Tests of styled_line.ts: cut by columns, on one row, styles only where they are wanted. */
import { assert, assertEquals } from "@std/assert";
import { columnsOf, cutTo, painted, styledLine, unpainted } from "./styled_line.ts";

Deno.test("styledLine: pieces share the columns, controls and line breaks go", () => {
  assertEquals(styledLine(["abc", ["def", "dim"]], 10, unpainted), "abcdef");
  assertEquals(styledLine(["abc", ["def", "dim"]], 5, unpainted), "abcd…");
  assertEquals(styledLine(["a\nb\x1b[2Jc\u202ed"], 20, unpainted), "a b[2Jcd");
  assertEquals(styledLine([["a", "bold"], ["", "dim"]], 9, painted), "\x1b[1ma\x1b[22m");
});

Deno.test("cutTo: wide and joined characters are whole", () => {
  assertEquals(cutTo("日本語", 5), "日本…");
  assertEquals(cutTo("日本語", 6), "日本語");
  for (const text of ["👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧", "e\u0301e\u0301e\u0301", "a日b本"]) {
    for (let columns = 1; columns < 8; columns++) {
      assert(columnsOf(cutTo(text, columns)) <= columns);
    }
  }
});
