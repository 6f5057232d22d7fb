/** `deno task bench:kernels`: kernels of the core in GMAC/s and GB/s against the rate at which memory is read. Measures no model. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describeRun, saveResult } from "../measured_run.ts";
import { expectThreads, runProgram } from "../program.ts";
import { spreadOf } from "../spread.ts";
import { attendCase } from "./attend_cases.ts";
import { BenchCore, takeBuildsFrom } from "./bench_core.ts";
import { expertCases } from "./expert_cases.ts";
import type { KernelCase } from "./kernel_case.ts";
import { latentCases } from "./latent_cases.ts";
import { headCases, layerCases } from "./layer_cases.ts";
import { fits, inputGradientCase, linearCase, weightGradientCase } from "./linear_cases.ts";
import { ReadRate } from "./read_rate.ts";
import { difference, kernelHead, kernelLine, type KernelRow } from "./report.ts";
import { type KernelSettings, readSettings, USAGE } from "./settings.ts";
import { timeCase } from "./timing.ts";

const READ_SAMPLES = 5;

/** All cases that the settings name. */
export function casesOf({ kernels, formats, shapes, rows, setBytes }: KernelSettings) {
  const has = (kernel: string): boolean => kernels.includes(kernel);
  const cases: KernelCase[] = [];
  if (has("linear")) {
    for (const format of formats) {
      for (const shape of shapes.filter((shape) => fits(format, shape))) {
        cases.push(...rows.map((count) => linearCase(format, shape, count, setBytes)));
      }
    }
  }
  if (has("gradient")) {
    for (const format of formats) {
      for (const shape of shapes.filter((shape) => fits(format, shape))) {
        cases.push(...rows.map((count) => inputGradientCase(format, shape, count)));
      }
    }
    cases.push(...shapes.flatMap((shape) => rows.map((count) => weightGradientCase(shape, count))));
  }
  if (has("experts")) {
    for (const format of formats) {
      cases.push(...rows.flatMap((count) => expertCases(format, count, setBytes)));
    }
  }
  if (has("attend")) {
    for (const type of ["f16", "f32", "q8_0"] as const) {
      cases.push(...rows.map((count) => attendCase(type, count)));
    }
  }
  if (has("latent")) cases.push(...rows.flatMap(latentCases));
  if (has("layer")) cases.push(...rows.flatMap(layerCases));
  if (has("head")) cases.push(...headCases());
  return cases;
}

/** The median read rate of each count of threads, bytes/s; the counts take turns. */
async function readRates(bytes: number, threads: readonly number[]): Promise<Map<number, number>> {
  const rates = await Promise.all(threads.map((count) => ReadRate.start(bytes, count)));
  const samples: number[][] = rates.map(() => []);
  for (let i = 0; i < READ_SAMPLES; i++) {
    rates.forEach((rate, at) => samples[at].push(rate.sample()));
  }
  await Promise.all(rates.map((rate) => rate.close()));
  return new Map(threads.map((count, i) => [count, spreadOf(samples[i])?.median ?? NaN]));
}

/** One core a count of threads, of the ordinary builds and then of the other ones. */
async function startCores({ threads, build, core }: KernelSettings): Promise<BenchCore[][]> {
  const all: BenchCore[][] = [];
  for (const count of threads) all.push([await BenchCore.start(build, count)]);
  if (core === undefined) return all;
  takeBuildsFrom(core);
  for (const [i, count] of threads.entries()) all[i].push(await BenchCore.start(build, count));
  return all;
}

async function measure(
  one: KernelCase,
  cores: readonly BenchCore[],
  repeats: number,
  readRate: number,
): Promise<KernelRow> {
  const { timed: [own, other], ratios } = await timeCase(one, cores, repeats);
  const { prepare: _, ...facts } = one;
  const row = { ...facts, threads: cores[0].threads, cold: own.cold, hot: own.hot, readRate };
  const ratio = spreadOf(ratios);
  if (!other || !ratio) return row;
  const change = difference(other.output, own.output);
  return { ...row, other: { cold: other.cold, hot: other.hot, ratio, difference: change } };
}

async function main(settings: KernelSettings): Promise<void> {
  const run = describeRun();
  const { threads, setBytes, build, repeats, isSaved } = settings;
  for (const count of threads) expectThreads(count, build);
  const { core = null } = settings;
  if (core !== null && !existsSync(join(core, `${build}.wasm`))) {
    throw new RangeError(`--core names ${core}, where there is no ${build}.wasm`);
  }
  const rates = await readRates(setBytes, threads);
  const read = threads.map((count) => `${count}: ${((rates.get(count) ?? NaN) / 1e9).toFixed(1)}`);
  console.log(
    `${build}; ${setBytes / 1e6} MB are read at GB/s by threads ${
      read.join(", ")
    }; medians of ${repeats}\n`,
  );
  const all = await startCores(settings);
  console.log(kernelHead(settings.core !== undefined));
  const rows: KernelRow[] = [];
  for (const one of casesOf(settings)) {
    for (const cores of all) {
      const row = await measure(one, cores, repeats, rates.get(cores[0].threads) ?? NaN);
      console.log(kernelLine(row));
      rows.push(row);
    }
  }
  for (const core of all.flat()) core.close();
  const isOther = settings.core !== undefined;
  if (isSaved) console.log(saveResult("kernels", run, { build, isOther, setBytes, repeats, rows }));
}

if (import.meta.main) await runProgram({ usage: USAGE, read: readSettings, run: main });
