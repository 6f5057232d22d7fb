/** Medians, ratios and the table, from made-up figures. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import type { Figures } from "./peer.ts";
import { type Measurement, summarize, table } from "./summary.ts";

const NOTHING: Figures = {
  ...{ prefill: null, decode: null, loadMs: null, firstTokenMs: null, peakBytes: null },
};

function measured(peer: string, threads: number, figures: Partial<Figures>): Measurement {
  const task = { model: "m", threads, repeat: 0, busyBefore: 0 };
  return { ...task, peer, figures: { ...NOTHING, ...figures } };
}

Deno.test("summarize: ratios are Aha's median over the peer's, of the same file and threads", () => {
  const rows = summarize([
    measured("aha", 1, { decode: 60, prefill: 100 }),
    measured("other", 1, { decode: 20 }),
    measured("aha", 2, { decode: 90 }),
    measured("other", 2, { decode: 30 }),
    measured("other", 1, { decode: 40 }),
  ]);
  const ratios = rows.map(({ peer, threads, repeats, ratios }) => [
    ...[peer, threads, repeats, ratios.decode, ratios.prefill],
  ]);
  assertEquals(ratios, [
    ["aha", 1, 1, 1, 1],
    ["other", 1, 2, 2, null],
    ["aha", 2, 1, 1, null],
    ["other", 2, 1, 3, null],
  ]);
});

Deno.test("summarize: without Aha there is no ratio", () => {
  const [{ ratios }] = summarize([measured("other", 1, { decode: 20 })]);
  assertEquals(ratios.decode, null);
});

Deno.test("table: what a peer does not tell stays empty", () => {
  const text = table(summarize([measured("other", 2, { decode: 20, peakBytes: 3 << 20 })]));
  assertStringIncludes(
    text.replaceAll(/ +/g, " "),
    "| m | 2 | other | | | 20.0 (20.0 to 20.0) | |",
  );
  assertStringIncludes(text.replaceAll(/ +/g, " "), "| | | 3 |");
});
