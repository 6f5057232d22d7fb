/** Tests of histogram.ts. */
import { assertEquals } from "@std/assert";
import { Histogram } from "./histogram.ts";

Deno.test("Histogram: buckets count what lies below them, the last one all", () => {
  const histogram = new Histogram([0.1, 1]);
  for (const value of [0.05, 0.1, 0.5, 7]) histogram.observe(value);
  const labels = { route: "/x" };
  assertEquals(histogram.samples(labels), [
    { suffix: "_bucket", labels: { ...labels, le: "0.1" }, value: 2 },
    { suffix: "_bucket", labels: { ...labels, le: "1" }, value: 3 },
    { suffix: "_bucket", labels: { ...labels, le: "+Inf" }, value: 4 },
    { suffix: "_sum", labels, value: 7.65 },
    { suffix: "_count", labels, value: 4 },
  ]);
});
