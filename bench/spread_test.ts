/** Medians of odd and even counts. */
import { assertEquals } from "@std/assert";
import { spreadOf } from "./spread.ts";

Deno.test("spreadOf: the middle of odd counts, the mean of the two middle ones of even counts", () => {
  assertEquals(spreadOf([5, 1, 3]), { min: 1, median: 3, max: 5 });
  assertEquals(spreadOf([10, 1, 2, 4]), { min: 1, median: 3, max: 10 });
  assertEquals(spreadOf([]), null);
});
