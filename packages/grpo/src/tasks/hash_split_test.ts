/** Shares and sides of the split, and what it refuses. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { heldOut, rowsTask, splitOf } from "./hash_split.ts";

Deno.test("splitOf: a fifth is held out, and neighbours are not held out together", () => {
  const sides = Array.from({ length: 50_000 }, (_, i) => splitOf(`MUL ${i} ${i + 1}`) === "test");
  const share = sides.filter(Boolean).length / sides.length;
  assert(Math.abs(share - 0.2) < 5 * 0.0018, `${share}`);
  const pairs = sides.filter((side, i) => side && sides[i + 1]).length / sides.length;
  assert(Math.abs(pairs - 0.04) < 5 * 0.0009, `${pairs}`);
});

Deno.test("splitOf: sides are fixed (the same hash, computed elsewhere)", () => {
  const held = Array.from({ length: 20 }, (_, i) => i).filter((i) =>
    splitOf(`CHAIN ${i}`) === "test"
  );
  assertEquals(held, [3, 6]);
});

Deno.test("heldOut: every row is on one side, in order", () => {
  const rows = Array.from({ length: 100 }, (_, i) => ({ prompt: `question ${i}`, number: i }));
  const task = rowsTask("questions", rows);
  const sides = (["train", "test"] as const).map((split) => {
    const side = heldOut(task, split);
    return Array.from({ length: side.length }, (_, i) => side.row(i).number as number);
  });
  assertEquals(sides.flat().sort((a, b) => a - b), rows.map(({ number }) => number));
  for (const side of sides) assertEquals(side, [...side].sort((a, b) => a - b));
});

Deno.test("heldOut: refuses endless tasks and empty sides; rows say what there is", () => {
  const endless = { name: "sums", length: Infinity, row: () => ({ prompt: "1" }) };
  assertThrows(() => heldOut(endless, "test"), RangeError, "sums has no end");
  const one = rowsTask("one", [{ prompt: "CHAIN 0" }]);
  assertThrows(() => heldOut(one, "test"), RangeError, "none of the 1 rows of one");
  assertThrows(() => one.row(1), RangeError, "row 1 of one is asked for, it has rows 0 to 0");
});
