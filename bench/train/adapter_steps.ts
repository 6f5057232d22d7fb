/** Steps of supervised training of SmolLM2 with adapters on its quantized weights, in a process of their own. With `--measure`, that process. */
import process from "node:process";
import { fileURLToPath } from "node:url";
import { resolveModel } from "../../packages/runtime/src/weights/resolve_model.ts";
import { runMeasured } from "../peers/measured_process.ts";
import { spreadOf } from "../spread.ts";
import { trainBackend } from "./train_backend.ts";
import { TrainingRun, type TrainingSizes } from "./training_run.ts";

const MODEL = "smollm2-135m";
/** Tokens of a step and how many of its sequences pass together. */
const SIZES: TrainingSizes = { sequences: 4, tokens: 256, together: 1, rank: 8 };

/** What is measured of it. */
export interface AdapterSteps extends TrainingSizes {
  readonly model: string;
  readonly threads: number;
  readonly tokensPerSecond: number;
  readonly perStep: readonly number[];
  /** VmHWM of the process. */
  readonly peakBytes: number | null;
}

/** A fresh process that takes so many steps after one that is not counted. */
export async function measureAdapterSteps(threads: number, steps: number): Promise<AdapterSteps> {
  const request = JSON.stringify({ model: await resolveModel(MODEL), threads, steps });
  const program = fileURLToPath(import.meta.url);
  const words = ["run", "--no-check", "--allow-all", program, "--measure", request];
  const { out, peakBytes } = await runMeasured(process.execPath, words);
  const perStep: number[] = JSON.parse(out);
  return {
    ...{ ...SIZES, model: MODEL, threads, perStep },
    tokensPerSecond: spreadOf(perStep)?.median ?? NaN,
    peakBytes,
  };
}

async function measureHere(model: string, threads: number, steps: number): Promise<void> {
  const run = await TrainingRun.open(await trainBackend(threads), model, SIZES);
  await run.step();
  const perStep: number[] = [];
  for (let step = 0; step < steps; step++) {
    const start = performance.now();
    await run.step();
    perStep.push(run.tokens / ((performance.now() - start) / 1000));
  }
  await run.close();
  console.log(JSON.stringify(perStep));
}

if (import.meta.main && process.argv[2] === "--measure") {
  const { model, threads, steps } = JSON.parse(process.argv[3]);
  await measureHere(model, threads, steps);
  process.exit(); // helpers may still be on their way out
}
