/** `deno task bench:memory [MODEL...]`: the peak memory of a fresh process that loads a model, reads 512 tokens and writes 64, against DESIGN 2's bounds and its plan. Measures no speed. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { loadModel, planModel } from "@aha/runtime";
import { openFileSink, openGguf } from "@aha/runtime/gguf";
import { peakMemory } from "../packages/cli/src/terminal/peak_memory.ts";
import { createWasmBackend } from "../packages/runtime/src/backend/wasm/backend.ts";
import { PAGE_TOKENS, pageBytes } from "../packages/runtime/src/kv_cache.ts";
import { kvShapeOf } from "../packages/runtime/src/model/config/kv_shape.ts";
import { resolveModel } from "../packages/runtime/src/weights/resolve_model.ts";
import { writeGeneratedMixture } from "../tests/support/generated_mixture.ts";
import { writeGeneratedQwen2 } from "../tests/support/generated_model.ts";
import { runProgram } from "./program.ts";

const PROMPT_TOKENS = 512;
const GENERATED_TOKENS = 64;
/** Each helper thread is a JS engine of its own. */
const THREADS = 2;
const SEED = 1;

/** DESIGN 2: weights in wasm, then the whole process beside its cache. */
const WEIGHTS_TO_TENSORS = 1.05;
const PEAK_TO_FILE = 1.15;
const PEAK_BESIDE_BYTES = 128 << 20;

/** What `--measure MODEL` prints as JSON. */
export interface MemoryFigures {
  readonly fileBytes: number;
  readonly tensorBytes: number;
  /** What the wasm memory grew by while the weights were loaded. */
  readonly wasmWeightBytes: number;
  /** Pages of the tokens that were read and written. */
  readonly kvBytes: number;
  readonly peakBytes: number;
  /** Where `peakBytes` is from; only VmHWM is the whole process. */
  readonly peakSource: string;
  readonly weightBoundBytes: number;
  readonly peakBoundBytes: number;
  /** The wasm memory in the end, and what the plan says of it with the pages that were used. */
  readonly wasmBytes: number;
  readonly plannedBytes: number;
  readonly passed: boolean;
}

/** Runs the model in this process, which should be fresh. */
async function measure(name: string): Promise<MemoryFigures> {
  const model = await loadModel(name, { threads: THREADS });
  const loadedBytes = model.memoryBytes;
  const ids = Array.from(
    { length: PROMPT_TOKENS },
    (_, i) => (i * 31 + 7) % model.config.vocabulary,
  );
  await model.complete(ids, { maxTokens: GENERATED_TOKENS, temperature: 0, ignoreEnd: true });
  const wasmBytes = model.memoryBytes;
  const peak = peakMemory(wasmBytes);
  await model.close();

  const { gguf, source } = await openGguf(await resolveModel(name));
  const { config, plan } = planModel(gguf);
  const empty = await createWasmBackend({ threads: THREADS });
  const wasmWeightBytes = loadedBytes - empty.memoryBytes();
  await empty.close();
  await source.close();
  const tokens = PROMPT_TOKENS + GENERATED_TOKENS;
  const kvBytes = Math.ceil(tokens / PAGE_TOKENS) * pageBytes(kvShapeOf(config, plan.kvType));
  const weightBoundBytes = WEIGHTS_TO_TENSORS * plan.weightBytes;
  const peakBoundBytes = PEAK_TO_FILE * source.sizeBytes + kvBytes + PEAK_BESIDE_BYTES;
  const plannedBytes = plan.totalBytes - plan.kvBytes + kvBytes;
  return {
    ...{ wasmBytes, plannedBytes },
    ...{ fileBytes: source.sizeBytes, tensorBytes: plan.weightBytes, wasmWeightBytes, kvBytes },
    ...{ peakBytes: peak.sizeBytes, peakSource: peak.source, weightBoundBytes, peakBoundBytes },
    passed: wasmWeightBytes <= weightBoundBytes && peak.sizeBytes <= peakBoundBytes &&
      wasmBytes <= plannedBytes,
  };
}

function measureInFreshProcess(model: string): MemoryFigures {
  const words = ["run", "--no-check", "--allow-all", fileURLToPath(import.meta.url)];
  const { status, stdout, stderr } = spawnSync(process.execPath, [...words, "--measure", model], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`${model} was not measured: ${stderr.trim()}`);
  return JSON.parse(stdout);
}

function report(name: string, figures: MemoryFigures): string {
  const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
  const { fileBytes, tensorBytes, wasmWeightBytes, kvBytes, peakBytes, peakSource } = figures;
  return [
    `${name}: ${figures.passed ? "within the bounds" : "BEYOND THE BOUNDS"}`,
    `  file ${mib(fileBytes)}, tensors ${mib(tensorBytes)}, cache ${mib(kvBytes)}`,
    `  weights in wasm ${mib(wasmWeightBytes)} of ${mib(figures.weightBoundBytes)}`,
    `  wasm ${mib(figures.wasmBytes)} of ${mib(figures.plannedBytes)} planned`,
    `  peak (${peakSource}) ${mib(peakBytes)} of ${mib(figures.peakBoundBytes)}`,
  ].join("\n");
}

/** Files of generated weights: a dense model and a mixture over latents. */
async function writeGenerated(folder: string): Promise<string[]> {
  const paths = ["qwen2-0.5b-Q4_K_M.gguf", "mixture-Q4_0.gguf"].map((name) => join(folder, name));
  for (const [i, write] of [writeGeneratedQwen2, writeGeneratedMixture].entries()) {
    const sink = await openFileSink(paths[i]);
    await write(sink, SEED);
    sink.commit();
  }
  return paths;
}

async function main(words: readonly string[]): Promise<number> {
  if (words[0] === "--measure") {
    console.log(JSON.stringify(await measure(words[1])));
    return 0;
  }
  let isPassed = true;
  const folder = mkdtempSync(join(tmpdir(), "aha-memory-"));
  try {
    const models = words.length > 0
      ? words
      : [process.env.AHA_SMOLLM2 || "smollm2-135m", ...await writeGenerated(folder)];
    for (const model of models) {
      const figures = measureInFreshProcess(model);
      console.log(report(model, figures));
      isPassed &&= figures.passed;
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  return isPassed ? 0 : 1;
}

if (import.meta.main) {
  await runProgram({
    usage: "deno task bench:memory [MODEL...]",
    read: (words) => words,
    run: main,
  });
}
