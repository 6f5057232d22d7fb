/** Medians, ratios and goals, from made-up figures. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { type Measurement, type PeerName, rowsOf, table, verdicts } from "./comparison.ts";
import type { Way } from "./workload.ts";

function measured(peer: PeerName, way: Way, seconds: number[], peakBytes: number): Measurement {
  const told = {
    ...{ versions: {}, seconds, rolloutSeconds: seconds.map((one) => one / 2) },
    cpuSeconds: seconds.map((one) => peer === "aha" ? 2 * one : 3 * one),
    ...{ meanLengths: [], gradientNorms: [], entropies: [], probe: [] },
  };
  return { peer, way, repeat: 0, busyBefore: 0, peakBytes, told };
}

Deno.test("rowsOf: steps that warm up do not count, those of all repeats do", () => {
  const [row] = rowsOf([
    measured("aha", "fast", [90, 1, 2, 3], 40),
    measured("trl", "fast", [90, 6, 6, 6], 100),
    measured("aha", "fast", [90, 2, 2, 5], 60),
  ], 1);
  assertEquals(row.aha.seconds, { min: 1, median: 2, max: 5 });
  assertEquals(row.aha.rolloutSeconds?.median, 1);
  assertEquals([row.speed, row.cpuSpeed, row.memory], [3, 4.5, 0.5]);
});

Deno.test("verdicts: the worst way decides, and more memory than half of the peer's misses", () => {
  const rows = rowsOf([
    measured("aha", "fast", [2], 40),
    measured("trl", "fast", [6], 100),
    measured("aha", "lean", [4], 60),
    measured("trl", "lean", [6], 100),
  ], 0);
  const [speed, processorTime, memory] = verdicts(rows);
  assertStringIncludes(speed, "1.50 x, floor");
  assertStringIncludes(processorTime, "2.25 x, floor");
  assertStringIncludes(memory, "0.60 x, MISSED");
  assertStringIncludes(verdicts(rows.slice(0, 1))[0], "3.00 x, aim");
  assertStringIncludes(verdicts(rows.slice(0, 1))[2], "0.40 x, floor");
});

Deno.test("verdicts: a step as fast as the peer's misses", () => {
  const rows = rowsOf([
    measured("aha", "fast", [6], 40),
    measured("trl", "fast", [6], 100),
  ], 0);
  assertStringIncludes(verdicts(rows)[0], "1.00 x, MISSED");
});

Deno.test("verdicts and table: without the peer there is no ratio", () => {
  const rows = rowsOf([measured("aha", "fast", [9, 2], 2 ** 20)], 1);
  assertEquals(verdicts(rows).every((text) => text.endsWith("not measured")), true);
  assertStringIncludes(table(rows), "2.00 / 2.00 / 2.00");
  assertEquals(table(rows).split("\n").length, 4);
});
