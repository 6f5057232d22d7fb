/** `deno task bench:train`: whole training steps against the core's own products and PyTorch, kept in bench/results. Trains nothing that is kept. */
import process from "node:process";
import { parseArgs } from "node:util";
import { type CoreVariant, VARIANTS } from "../../packages/runtime/src/backend/wasm/core.ts";
import { type Profile, profileTable } from "../export_times.ts";
import { describeRun, saveResult } from "../measured_run.ts";
import { expectThreads, runProgram } from "../program.ts";
import { type AdapterSteps, measureAdapterSteps } from "./adapter_steps.ts";
import type { ClockName } from "./clock.ts";
import { measureCase, type MeasuredCase } from "./measured_case.ts";
import { randomModel } from "./random_model.ts";
import { adapterTable, caseTable, productLine } from "./report.ts";
import { trainBackend } from "./train_backend.ts";
import { TRAINED_SHAPES, type TrainedShape } from "./trained_shape.ts";
import { TrainingRun } from "./training_run.ts";

/** The case that is no shape: adapters on a quantized model. */
const ADAPTERS = "lora";
const NAMES = [...TRAINED_SHAPES.map(({ name }) => name), ADAPTERS];
const USAGE = `deno task bench:train [${NAMES.join("|")}]... [--threads 1,2] [--repeat 5] ` +
  `[--together 16] [--python PYTHON] [--build BUILD] [--clock wall|cpu] [--profile]`;

interface Settings {
  readonly names: readonly string[];
  readonly threads: readonly number[];
  readonly repeats: number;
  readonly together: number;
  readonly python?: string;
  readonly variant: CoreVariant;
  readonly clock: ClockName;
  /** Only where the time of a step goes. */
  readonly profile: boolean;
}

function readSettings(words: readonly string[]): Settings {
  const text = (value: string) => ({ type: "string", default: value }) as const;
  const { values, positionals } = parseArgs({
    args: [...words],
    allowPositionals: true,
    options: {
      ...{ threads: text("1,2"), repeat: text("5"), together: text("16") },
      build: text("relaxed_threads"),
      python: { type: "string", default: process.env.AHA_TORCH_PYTHON },
      clock: text("wall"),
      profile: { type: "boolean", default: false },
    },
  });
  const unknown = positionals.find((name) => !NAMES.includes(name));
  if (unknown) throw new RangeError(`${unknown} is none of ${NAMES.join(", ")}`);
  const variant = VARIANTS.find((one) => one === values.build);
  if (!variant) throw new RangeError(`--build is none of ${VARIANTS.join(", ")}`);
  const threads = values.threads.split(",").map((word) => count("threads", word));
  for (const each of threads) expectThreads(each, variant);
  const clock = (["wall", "cpu"] as const).find((one) => one === values.clock);
  if (!clock) throw new RangeError(`--clock is neither wall nor cpu`);
  if (clock === "cpu" && threads.some((each) => each > 1)) {
    throw new RangeError("--clock cpu is for --threads 1: it counts all threads together");
  }
  return {
    names: positionals.length > 0 ? positionals : NAMES,
    threads,
    variant,
    clock,
    ...{ repeats: count("repeat", values.repeat), together: count("together", values.together) },
    ...{ python: values.python, profile: values.profile },
  };
}

function count(option: string, word: string): number {
  if (/^[1-9]\d{0,3}$/.test(word)) return Number(word);
  throw new RangeError(`--${option} is ${JSON.stringify(word)}, not a whole number from 1 on`);
}

async function main(settings: Settings): Promise<void> {
  const { names, threads } = settings;
  const shapes = TRAINED_SHAPES.filter(({ name }) => names.includes(name));
  if (settings.profile) {
    for (const shape of shapes) {
      for (const each of threads) await profile(shape, each, settings);
    }
    return;
  }
  const run = describeRun();
  const cases: MeasuredCase[] = [];
  for (const shape of shapes) {
    for (const each of threads) {
      cases.push(await measureCase(shape, { ...settings, threads: each }));
      console.error(caseTable(cases.slice(-1)));
    }
  }
  const adapters: AdapterSteps[] = [];
  if (names.includes(ADAPTERS)) {
    for (const each of threads) adapters.push(await measureAdapterSteps(each, settings.repeats));
  }
  if (cases.length > 0) console.log(`${caseTable(cases)}\n\n${productLine(cases)}\n`);
  if (adapters.length > 0) console.log(`${adapterTable(adapters)}\n`);
  console.log(saveResult("train", run, { build: settings.variant, cases, adapters }));
}

/** Prints where the time of a step goes. */
async function profile(
  shape: TrainedShape,
  threads: number,
  { together, variant, repeats }: Settings,
): Promise<void> {
  const times: Profile = new Map();
  const backend = await trainBackend(threads, variant, times);
  const run = await TrainingRun.open(backend, await randomModel(shape), { ...shape, together });
  await run.step();
  times.clear();
  const start = performance.now();
  for (let step = 0; step < repeats; step++) await run.step();
  const title = `a step of ${shape.name}, ${threads} threads, mean of ${repeats}`;
  console.log(profileTable(title, times, performance.now() - start, repeats));
  await run.close();
}

if (import.meta.main) await runProgram({ usage: USAGE, read: readSettings, run: main });
