/** Tests of sparkline.ts: levels, squeezing, gaps. */
import { assertEquals } from "@std/assert";
import { bar, sparkline } from "./sparkline.ts";

Deno.test("sparkline: from lowest to highest, means of neighbours, gaps for what is not finite", () => {
  assertEquals(sparkline([0, 1, 2, 3, 4, 5, 6, 7], 20), "▁▂▃▄▅▆▇█");
  assertEquals(sparkline([0, 0, 7, 7], 2), "▁█");
  assertEquals(sparkline([3, 3], 5), "▁▁");
  assertEquals(sparkline([1, NaN, 2], 5), "▁ █");
  assertEquals([sparkline([], 5), sparkline([NaN], 5)], ["", " "]);
});

Deno.test("bar: never longer than its width", () => {
  assertEquals([bar(0, 4), bar(0.5, 4), bar(2, 4), bar(-1, 2)], ["░░░░", "██░░", "████", "░░"]);
});
