/** The words of `deno task bench:kernels`, its cases, and each kernel run once. Asserts no speed. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { BenchCore } from "./bench_core.ts";
import { WEIGHT_FORMATS } from "./random_rows.ts";
import { ReadRate } from "./read_rate.ts";
import { difference, kernelLine, type KernelRow } from "./report.ts";
import { casesOf } from "./run.ts";
import { readSettings } from "./settings.ts";
import { timeCase } from "./timing.ts";

Deno.test("readSettings: every format and shape where nothing is said", () => {
  const { formats, shapes, rows, threads, build } = readSettings([]);
  assertEquals([...formats], [...WEIGHT_FORMATS]);
  assertEquals(shapes[3], { cols: 576, outputs: 49_152 });
  assertEquals({ rows, threads, build }, {
    ...{ rows: [1, 4, 8, 512], threads: [1, 2], build: "relaxed_threads" },
  });
});

Deno.test("readSettings: what is wrong is named", () => {
  assertThrows(() => readSettings(["--formats", "Q9"]), RangeError, "Q9");
  assertThrows(() => readSettings(["--shapes", "32x9"]), RangeError, `"32x9"`);
  assertThrows(() => readSettings(["--rows", "0"]), RangeError, `--rows is "0"`);
  assertThrows(() => readSettings(["--build", "best"]), RangeError, `"best"`);
  assertThrows(() => readSettings(["--kernels", "gemm"]), RangeError, `"gemm"`);
  assertEquals([...readSettings(["--build", "simd"]).threads], [1]);
  assertEquals([...readSettings(["--build", "simd", "--threads", "2"]).threads], [2]);
});

Deno.test("casesOf: a format has no case where a row is no whole number of blocks", () => {
  const words = ["--kernels", "linear", "--formats", "q4_0,q6_k", "--rows", "1"];
  const cases = casesOf(readSettings([...words, "--shapes", "96x8,256x8"]));
  const names = cases.map(({ kernel, shape }) => `${kernel} ${shape}`);
  assertEquals(names, ["linear Q4_0 96x8", "linear Q4_0 256x8", "linear Q6_K 256x8"]);
});

Deno.test("timeCase: every kernel runs and writes finite numbers", async () => {
  const words = ["--shapes", "256x16", "--rows", "1,3", "--set-mb", "1", "--threads", "1"];
  const core = await BenchCore.start("relaxed_threads", 1);
  for (const one of casesOf(readSettings(words))) {
    const { timed: [{ cold, output }] } = await timeCase(one, [core], 1);
    assert(cold.min > 0, one.kernel);
    const isBytes = one.kernel === "quantize_rows";
    assert(isBytes || output.every((value) => Number.isFinite(value) && value !== 0), one.kernel);
  }
  core.close();
});

Deno.test("timeCase: two cores give a ratio a repeat and the same output", async () => {
  const cores = [
    await BenchCore.start("relaxed_threads", 1),
    await BenchCore.start("relaxed_threads", 2),
  ];
  const words = ["--kernels", "linear", "--formats", "Q4_K", "--shapes", "256x64", "--rows", "4"];
  const [one] = casesOf(readSettings([...words, "--set-mb", "1"]));
  const { timed: [a, b], ratios } = await timeCase(one, cores, 3);
  assertEquals(ratios.length, 3);
  assertEquals(difference(a.output, b.output), 0);
  cores.forEach((core) => core.close());
});

Deno.test("ReadRate: one thread and two read their parts, turn after turn", async () => {
  for (const threads of [1, 2]) {
    const rate = await ReadRate.start(1 << 20, threads);
    for (let turn = 0; turn < 3; turn++) assert(rate.sample() > 0);
    await rate.close();
  }
});

Deno.test("kernelLine: rates from medians and bests, ratios where there is another core", () => {
  const [cold, hot] = [{ min: 50, median: 100, max: 200 }, { min: 10, median: 20, max: 20 }];
  const facts = { kernel: "k", shape: "s", rows: 1, threads: 1, macs: 4e6, bytes: 2e6 };
  const row = { ...facts, cold, hot, readRate: 40e9 };
  const other = { cold, hot, ratio: { min: 0.5, median: 1, max: 2 }, difference: 0 };
  const own = "| k | s | 1 | 1 | 100 | 40.00 (80.00) | 20.00 (40.00) | 50 % | 100.0 (200.0) |";
  const line = (row: KernelRow): string => kernelLine(row).replaceAll(/ +/g, " ");
  assertEquals(line(row), own);
  assertEquals(
    line({ ...row, other }),
    `${own} 100 | 40.00 (80.00) | 1.000 (1.000) | same bits |`,
  );
  assert(line({ ...row, hot: null }).endsWith("| 100 | 40.00 (80.00) | 20.00 (40.00) | | |"));
});
