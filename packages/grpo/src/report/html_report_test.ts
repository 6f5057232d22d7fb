/** Tests of html_report.ts: the page is whole, escaped, without network, and says what the sections say. Draws on no screen. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { htmlReport } from "./html_report.ts";
import type { StepSample } from "./run_data.ts";
import type { Section } from "./sections.ts";

const EVIL = `</script><script>alert(1)</script><img src=x onerror='a'>"&\u0000\ud800`;

const SAMPLE: StepSample = {
  step: 3,
  prompt: EVIL,
  completion: `<think>Hm. Wait, ${EVIL}</think> <b>4</b>`,
  reward: 1,
  rewards: { [EVIL]: null },
  tokens: 9,
  isFinished: false,
};

const SECTIONS: readonly Section[] = [
  { kind: "text", title: EVIL, note: EVIL, paragraphs: [EVIL], tone: "warning" },
  {
    kind: "curve",
    title: EVIL,
    note: EVIL,
    xLabel: EVIL,
    series: [{
      name: EVIL,
      points: [{ x: 1, y: 2 }, { x: 2, y: NaN }, { x: 3, y: 4, error: 0.5 }],
    }],
    marks: [{ x: 2, label: EVIL }],
  },
  {
    kind: "bars",
    title: EVIL,
    names: [EVIL, EVIL],
    rows: [{ label: EVIL, values: [1, 2] }],
    reference: { label: EVIL, value: 1 },
  },
  { kind: "table", title: EVIL, columns: [EVIL, "b"], rows: [[EVIL, null], ["x", 0.12345]] },
  {
    kind: "samples",
    title: EVIL,
    samples: [SAMPLE],
    highlights: ["wait", "a(b"],
    moments: [{ step: 3, label: EVIL }],
  },
];

/** Tags of a page with attributes; throws where they do not close as they open. */
function tagsOf(page: string): { name: string; attributes: string }[] {
  const body = page.replace(/<(style|script)>[\s\S]*?<\/\1>/g, "<$1></$1>");
  const open: string[] = [];
  const tags: { name: string; attributes: string }[] = [];
  const isVoid = new Set(["meta", "input", "!doctype"]);
  for (
    const [, end, name, attributes] of body.matchAll(
      /<(\/?)([!a-z][a-z0-9]*)((?:\s+[\w-]+(?:="[^"<>]*")?)*)\s*>/gi,
    )
  ) {
    if (end) assertEquals(open.pop(), name);
    else if (!isVoid.has(name)) open.push(name);
    if (!end) tags.push({ name, attributes });
  }
  assertEquals(open, []);
  assertEquals(
    body.replace(/<\/?[!a-z][^<>]*>/gi, "").match(/[<>]/),
    null,
    "text has angle brackets",
  );
  return tags;
}

Deno.test("whatever a section holds is text", () => {
  const page = htmlReport(SECTIONS, { title: EVIL, lead: EVIL, footer: EVIL });
  const names = new Set(tagsOf(page).map(({ name }) => name));
  assert(!names.has("img"));
  assertEquals(page.match(/<script/g)?.length, 1);
  assert(!page.includes("\u0000") && page.isWellFormed());
  const written = tagsOf(page).map(({ attributes }) => attributes.replace(/"[^"]*"/g, ""));
  assert(written.every((names) => !/\son\w+=/.test(names)));
  assertStringIncludes(page, "&lt;/script&gt;&lt;script&gt;alert(1)");
});

Deno.test("nothing is asked of a network", () => {
  const page = htmlReport(SECTIONS, { title: "t" });
  assertEquals(
    page.match(/https?:|\ssrc=|url\(|@import|fetch\(|import\(/g)?.filter((m) => m !== " src=") ??
      [],
    [],
  );
  assertStringIncludes(page, "default-src &#39;none&#39;");
  for (const { name, attributes } of tagsOf(page)) {
    assert(!["link", "iframe", "object", "base"].includes(name));
    assert(!/\shref="(?!#)/.test(attributes), attributes);
  }
});

Deno.test("the script is JavaScript and reads what the figures hold", () => {
  const page = htmlReport(SECTIONS, { title: "t" });
  const [, script] = /<script>([\s\S]*)<\/script>/.exec(page) ?? [];
  new Function(script);
  const [, data] = /data-curve="([^"]*)"/.exec(page) ?? [];
  const text = data.replaceAll("&quot;", '"').replaceAll("&lt;", "<").replaceAll("&gt;", ">")
    .replaceAll("&#39;", "'").replaceAll("&amp;", "&");
  const { series } = JSON.parse(text);
  assertEquals(series[0].points.map((point: number[]) => point.slice(0, 2)), [[1, 2], [3, 4]]);
});

Deno.test("a curve reads by keyboard and without a script", () => {
  const points = Array.from(
    { length: 5000 },
    (_, i) => ({ x: i + 1, y: i === 2500 ? 9 : i / 5000 }),
  );
  const page = htmlReport([
    { kind: "curve", title: "Reward", xLabel: "step", series: [{ name: "run", points }] },
  ], { title: "t" });
  const [figure] = tagsOf(page).filter(({ name }) => name === "figure");
  assertStringIncludes(figure.attributes, 'tabindex="0"');
  assertStringIncludes(figure.attributes, "Reward. run: from 0 to 1. Arrow keys read values.");
  assertStringIncludes(page, "<output>step 5000: 1</output>");
  assert(page.length < 60_000, `${page.length} bytes`);
  const [raw] =
    /class="raw" points="([^"]*)"/.exec(page)?.[1].split(" ").map((p) => p.split(",")[1])
      .sort((a, b) => Number(a) - Number(b)) ?? [];
  assert(Number(raw) < 20, "the highest value is drawn");
});

Deno.test("curves that do not end together tell where each ends", () => {
  const series = [120, 80].map((last, i) => ({
    name: i === 0 ? "long" : "short",
    points: [{ x: 1, y: 0 }, { x: last, y: i + 0.5 }],
  }));
  const page = (of: typeof series) =>
    htmlReport([{ kind: "curve", title: "Reward", xLabel: "step", series: of }], { title: "t" });
  assertStringIncludes(page(series), "<output>long 0.5 at step 120, short 1.5 at step 80</output>");
  const same = [series[0], { ...series[0], name: "other" }];
  assertStringIncludes(page(same), "<output>step 120: long 0.5, other 0.5</output>");
});

Deno.test("thoughts are folded, words marked, steps all there", () => {
  const samples = Array.from({ length: 500 }, (_, i) => ({ ...SAMPLE, step: i + 1 }));
  const page = htmlReport([{
    kind: "samples",
    title: "S",
    samples,
    highlights: ["wait"],
    moments: [{ step: 77, label: "here" }],
  }], { title: "t" });
  const [, steps] = /data-steps="([^"]*)"/.exec(page) ?? [];
  const shown = steps.split(" ").map(Number);
  assertEquals([shown[0], shown.at(-1), shown.includes(77)], [1, 500, true]);
  assert(shown.length <= 81);
  assertEquals(
    tagsOf(page).filter(({ name }) => name === "details").every(({ attributes }) =>
      !/open/.test(attributes)
    ),
    true,
  );
  assertStringIncludes(page, "<mark>Wait</mark>");
  assertStringIncludes(page, "1 marked");
});
