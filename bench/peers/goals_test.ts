/** Goals, from made-up figures. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { type Goal, goalsOf, goalTable } from "./goals.ts";
import { MIXTURE, modelName } from "./model_files.ts";
import { type Measurement, summarize } from "./summary.ts";
import type { Figures } from "./peer.ts";

const NOTHING: Figures = {
  ...{ prefill: null, decode: null, loadMs: null, firstTokenMs: null, peakBytes: null },
};

function measured(peer: string, threads: number, figures: Partial<Figures>, model = "Q4_1") {
  const task = { model: `SmolLM2-135M ${model}`, threads, repeat: 0, busyBefore: 0 };
  return { ...task, peer, figures: { ...NOTHING, ...figures } };
}

function goal(measurements: readonly Measurement[], what: string): Goal {
  const found = goalsOf(summarize(measurements)).find((goal) => goal.what === what);
  if (!found) throw new RangeError(`No goal is called ${what}`);
  return found;
}

Deno.test("goalsOf: llama.cpp is the better of its two programs", () => {
  const { parts, reached } = goal([
    measured("aha", 1, { decode: 90 }),
    measured("node-llama-cpp", 1, { decode: 60 }),
    measured("llama-bench", 1, { decode: 45 }),
  ], "decode against llama.cpp native");
  assertEquals(parts.map(({ value }) => value), [1.5]);
  assertEquals(reached, "aim");
});

Deno.test("goalsOf: the worst file or count of threads decides", () => {
  const measurements = [
    measured("aha", 1, { decode: 90 }),
    measured("wllama", 1, { decode: 9 }),
    measured("aha", 2, { decode: 130 }),
    measured("wllama", 2, { decode: 10 }),
  ];
  assertEquals(goal(measurements, "decode against wllama").reached, "floor");
  const slow = [
    measured("aha", 2, { decode: 7 }, "Q8_0"),
    measured("wllama", 2, { decode: 1 }, "Q8_0"),
  ];
  assertEquals(goal([...measurements, ...slow], "decode against wllama").reached, "missed");
});

Deno.test("goalsOf: Aha's own figures, in their units", () => {
  const measurements = [
    measured("aha", 2, {
      ...{
        decode: 50,
        decodeBytes: 9e9,
        readRate: 12e9,
        batchDecode: 120,
        scored: 200,
        loadMs: 300,
      },
    }),
    measured("aha-simd-threads", 2, { decode: 20 }),
  ];
  const values = goalsOf(summarize(measurements)).map(({ parts }) =>
    parts.map(({ value }) => value)
  );
  assertEquals(values, [[], [], [], [], [75], [0.6], [], [], [], [0.4], [0.3]]);
  assertEquals(goal(measurements, "load of the 98 MB file, warm page cache").reached, "floor");
  assertEquals(goal(measurements, "prefill 512 against wllama").reached, null);
});

Deno.test("goalTable: the worst figure first, and what misses the floor", () => {
  const text = goalTable(goalsOf(summarize([
    measured("aha", 1, { loadMs: 300 }),
    measured("aha", 2, { loadMs: 500 }),
  ])));
  assertStringIncludes(
    text.replaceAll(/ +/g, " "),
    "| Q4_1 with 1, Q4_1 with 2 | | 0.50 s to 0.30 s | 0.40 s | 0.20 s | missed | Q4_1 with 2: 0.50 s |",
  );
  assertStringIncludes(text.replaceAll(/ +/g, " "), "| | | | 15.00 x | 30.00 x | not measured | |");
});

function lineOf(measurements: readonly Measurement[], what: string): string {
  const text = goalTable(goalsOf(summarize(measurements))).replaceAll(/ +/g, " ");
  return text.split("\n").find((line) => line.startsWith(`| ${what} |`)) ?? "";
}

Deno.test("goalTable: parts one by one, how many of them are missing, and who was compared", () => {
  const some = [
    ...[measured("aha", 1, { decode: 90 }, "Q4_0"), measured("aha", 2, { decode: 160 }, "Q8_0")],
    measured("aha", 2, { decode: 160 }, "Q4_0"),
    measured("node-llama-cpp", 1, { decode: 60 }, "Q4_0"),
    measured("node-llama-cpp", 2, { decode: 100 }, "Q8_0"),
  ];
  const what = "decode against llama.cpp native";
  assertStringIncludes(
    lineOf(some, what),
    "| Q4_0 with 1, Q8_0 with 2 | node-llama-cpp | 1.50 x to 1.60 x |",
  );
  assertStringIncludes(lineOf(some, what), "| aim (2 of 6 parts) |");
  assertStringIncludes(
    lineOf([...some, measured("llama-bench", 2, { decode: 80 }, "Q8_0")], what),
    "| node-llama-cpp (Q4_0 with 1); node-llama-cpp and llama-bench (Q8_0 with 2) |",
  );
});

Deno.test("goalTable: a whole goal tells no count; other counts of threads do not stand for its own", () => {
  const what = "load of the 98 MB file, warm page cache";
  const both = [measured("aha", 1, { loadMs: 190 }), measured("aha", 2, { loadMs: 190 })];
  assertStringIncludes(lineOf(both, what), "| aim |");
  assertStringIncludes(
    lineOf([measured("aha", 4, { loadMs: 190 })], what),
    "| aim (1 of 3 parts) |",
  );
});

Deno.test("goalsOf: a mixture's decode against llama.cpp, and its prompt against its decode", () => {
  const mixture = (peer: string, figures: Partial<Figures>): Measurement => ({
    ...measured(peer, 1, figures),
    model: modelName(MIXTURE),
  });
  const measurements = [
    mixture("aha", { prefill: 140, decode: 40 }),
    mixture("llama-bench", { prefill: 100, decode: 50 }),
  ];
  const values = ["MoE decode against llama.cpp native", "prefill 512 against one token at a time"]
    .map((what) => goal(measurements, what)).map(({ parts, reached }) => [parts[0].value, reached]);
  assertEquals(values, [[0.8, "missed"], [3.5, "aim"]]);
});
