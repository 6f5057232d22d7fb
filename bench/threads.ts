/** `deno task bench:threads MODEL`: decode and prefill with 1, 2 and 8 threads, on the machine as it is and beside a busy core, and the cost of a fork and join. Compares no peers. */
import { type ChildProcess, spawn } from "node:child_process";
import { cpus } from "node:os";
import process from "node:process";
import { loadModel, type Model } from "@aha/runtime";
import { startBestCore } from "../packages/runtime/src/backend/wasm/core.ts";
import { HelperThreads } from "../packages/runtime/src/backend/wasm/helper_threads.ts";
import { resolveModel } from "../packages/runtime/src/weights/resolve_model.ts";
import { runProgram } from "./program.ts";

const USAGE = "deno task bench:threads MODEL";
const THREADS = [1, 2, 8];
const REPEATS = 5;
const SIZES = { prompt: 128, generate: 24 };
/** A shell that never sleeps, as long as this program runs. */
const SPINNER =
  `while kill -0 ${process.pid}; do i=0; while [ $i -lt 50000 ]; do i=$((i+1)); done; done`;
const LOADS: Readonly<Record<string, readonly string[] | null>> = {
  "as it is": null,
  "busy core 1": ["taskset", "-c", "1", "sh", "-c", SPINNER],
  "busy, not pinned": ["sh", "-c", SPINNER],
};

interface Speeds {
  readonly prefill: number[];
  readonly decode: number[];
}

async function measure(model: Model, speeds: Speeds): Promise<void> {
  const { vocabulary } = model.config;
  const ids = Array.from({ length: SIZES.prompt }, (_, i) => (i * 31 + 7) % vocabulary);
  const options = { temperature: 0, ignoreEnd: true, reusePrefix: false };
  const prefill = await model.complete(ids, { ...options, maxTokens: 1 });
  const decode = await model.complete([ids[0]], { ...options, maxTokens: SIZES.generate });
  speeds.prefill.push(prefill.timings.promptTokensPerSecond);
  speeds.decode.push(decode.timings.tokensPerSecond);
}

/** All models take turns, so that a drifting machine touches them alike; the first round warms up. */
async function measureAll(models: readonly Model[]): Promise<Speeds[]> {
  const speeds = models.map((): Speeds => ({ prefill: [], decode: [] }));
  for (let repeat = 0; repeat <= REPEATS; repeat++) {
    for (const [i, model] of models.entries()) await measure(model, speeds[i]);
    if (repeat > 0) continue;
    for (const { prefill, decode } of speeds) prefill.length = decode.length = 0;
  }
  return speeds;
}

async function beside<T>(words: readonly string[] | null, run: () => Promise<T>): Promise<T> {
  const neighbour = words && await started(words);
  try {
    return await run();
  } finally {
    neighbour?.kill("SIGKILL");
  }
}

function started([command, ...words]: readonly string[]): Promise<ChildProcess> {
  const child = spawn(command, words, { stdio: "ignore" });
  return new Promise((resolve, reject) => {
    child.once("spawn", () => resolve(child));
    child.once("error", reject);
  });
}

/** Microseconds of a job of 16 empty chunks, called from here: the median of runs of a thousand. */
async function forkJoinMicroseconds(): Promise<number> {
  const core = await startBestCore(64 << 20);
  const helpers = await HelperThreads.start(core, 1);
  while (core.exports.thread_count() < 2) await new Promise((go) => setTimeout(go, 1));
  const runs = Array.from({ length: 200 }, () => {
    const start = performance.now();
    for (let i = 0; i < 1000; i++) core.exports.fork_join(16);
    return performance.now() - start;
  });
  helpers.close();
  return median(runs);
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1];

function line(name: string, values: readonly number[], base: readonly number[]): string {
  const [least, most] = [Math.min(...values), Math.max(...values)].map((value) => value.toFixed(0));
  const ratio = median(values.map((value, i) => value / base[i]));
  return `${name.padEnd(22)} ${
    median(values).toFixed(1).padStart(7)
  } tokens/s (${least} to ${most}), ` +
    `${ratio.toFixed(2)} x 1 thread`;
}

function readModel(words: readonly string[]): string {
  if (words.length === 1) return words[0];
  throw new RangeError("One MODEL is wanted: a GGUF file or a name of the manifest");
}

async function main(file: string): Promise<void> {
  await resolveModel(file); // before anything is timed
  console.log(`${cpus()[0]?.model}, ${cpus().length} cores`);
  console.log(`fork and join of 2 threads: ${(await forkJoinMicroseconds()).toFixed(2)} us`);
  const models = await Promise.all(THREADS.map((threads) => loadModel(file, { threads })));
  for (const [name, words] of Object.entries(LOADS)) {
    console.log(`\nmachine ${name}`);
    const speeds = await beside(words, () => measureAll(models));
    for (const what of ["decode", "prefill"] as const) {
      for (const [i, threads] of THREADS.entries()) {
        const label = `${what}, --threads ${threads}`;
        console.log(line(label, speeds[i][what], speeds[0][what]));
      }
    }
  }
  for (const model of models) await model.close();
}

if (import.meta.main) await runProgram({ usage: USAGE, read: readModel, run: main });
