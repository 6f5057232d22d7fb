/** Tests of curve_svg.ts: a file that stands alone, names escaped, within its width. */
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { curveSvg } from "./curve_svg.ts";
import type { CurveSection } from "./sections.ts";

const SECTION: CurveSection = {
  kind: "curve",
  title: "Accuracy <by> budget",
  xLabel: "tokens",
  series: [
    { name: "A & B", points: [{ x: 0, y: 0.1, error: 0.1 }, { x: 4, y: 0, error: 0 }] },
    { name: "C", points: [{ x: 0, y: 0.2 }, { x: 4, y: 1 }] },
  ],
};

Deno.test("curveSvg: one SVG without links or scripts, with title, axis and every name, escaped", () => {
  const svg = curveSvg(SECTION);
  for (const text of ["Accuracy &lt;by&gt; budget", "tokens", "A &amp; B", ">C</text>"]) {
    assertStringIncludes(svg, text);
  }
  assertEquals(svg.match(/<svg/g)?.length, 1);
  assert(!/<script|href|url\(/.test(svg));
  assertEquals(svg.match(/<polyline/g)?.length, 4); // two curves, two names
});

Deno.test("curveSvg: nothing to draw is said", () => {
  assertThrows(() => curveSvg({ ...SECTION, series: [] }), RangeError, "has no values to draw");
});

Deno.test("curveSvg: a band covers all points that have an error, 0 too", () => {
  const points = [0, 1, 2].map((x) => ({ x, y: 0.5, error: x === 1 ? 0 : 0.2 }));
  const svg = curveSvg({ ...SECTION, series: [{ name: "one", points }] });
  const [, band] = /class="band" points="([^"]*)"/.exec(svg)!;
  assertEquals(band.split(" ").length, 6);
});
