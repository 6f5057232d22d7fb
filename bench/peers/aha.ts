/** Aha as one of those compared: a fresh Deno process for each measurement. With `--measure`, that process. */
import process from "node:process";
import { fileURLToPath } from "node:url";
import { loadModel, type Model } from "@aha/runtime";
import { openGguf } from "@aha/runtime/gguf";
import { peakMemory } from "../../packages/cli/src/terminal/peak_memory.ts";
import { ReadRate } from "../kernels/read_rate.ts";
import { PLAIN } from "../plain_decoding.ts";
import { runProgram } from "../program.ts";
import { spreadOf } from "../spread.ts";
import { runMeasured } from "./measured_process.ts";
import {
  CONTEXT_TOKENS,
  type Figures,
  FIRST_PROMPT_TOKENS,
  GENERATED_TOKENS,
  type Peer,
  PROMPT_TOKENS,
  promptIds,
  SEQUENCE_TOKENS,
  SEQUENCES,
  type Task,
  WARM_UP_TOKENS,
} from "./peer.ts";

const READ_SAMPLES = 5;

/** This project as a user gets it. */
export const aha: Peer = { name: "aha", prepare: prepareAha("relaxed_threads") };

/** Its build without relaxed SIMD. */
export const ahaSimdThreads: Peer = {
  ...{ name: "aha-simd-threads", isSmallOnly: true },
  prepare: prepareAha("simd_threads"),
};

function prepareAha(variant: Request["variant"]): Peer["prepare"] {
  const measure = async ({ model, threads, isBrief }: Task): Promise<Figures> => {
    const brief = isBrief || variant !== "relaxed_threads";
    const program = fileURLToPath(import.meta.url);
    const request = JSON.stringify({ model, threads, variant, isBrief: brief });
    const words = ["run", "--no-check", "--allow-all", program, "--measure", request];
    const { out, peakBytes } = await runMeasured(process.execPath, words);
    const figures: Omit<Figures, "peakBytes"> & Partial<Figures> = JSON.parse(out);
    return { ...figures, peakBytes: figures.peakBytes ?? peakBytes };
  };
  const version = `this commit, ${variant}, Deno ${Deno.version.deno}, V8 ${Deno.version.v8}`;
  return () => Promise.resolve({ version, measure });
}

interface Request extends Task {
  readonly variant: "relaxed_threads" | "simd_threads";
}

async function measureHere(request: Request): Promise<Figures> {
  const { model: file, threads, variant } = request;
  const model = await loadModel(file, { threads, variant, contextTokens: CONTEXT_TOKENS });
  if (model.backend.threads !== threads) {
    throw new RangeError(`${threads} threads were asked for, ${model.backend.threads} run`);
  }
  const run = async (promptTokens: number, maxTokens: number) =>
    (await model.complete(promptIds(promptTokens), { ...PLAIN, maxTokens })).timings;
  const first = await run(FIRST_PROMPT_TOKENS, WARM_UP_TOKENS);
  const prefill = await run(PROMPT_TOKENS, 1);
  const { tokensPerSecond: decode } = await run(1, GENERATED_TOKENS);
  // What follows takes memory that no peer is asked to take.
  const peak = peakMemory(model.memoryBytes);
  const others = request.isBrief ? {} : await measureOthers(model, request, decode);
  await model.close();
  return {
    ...{ prefill: prefill.promptTokensPerSecond, decode, loadMs: model.loadMs },
    ...{ firstTokenMs: first.timeToFirstTokenMs, ...others },
    peakBytes: peak.source === "VmHWM" ? peak.sizeBytes : null,
  };
}

/** What no peer is asked for. */
async function measureOthers(model: Model, { model: file, threads }: Task, decode: number) {
  const starts = promptIds(SEQUENCES).map((id) => [id]);
  const answers = await model.generateBatch(starts, { ...PLAIN, maxTokens: SEQUENCE_TOKENS });
  const batchDecode = answers.reduce((sum, { timings }) => sum + timings.tokensPerSecond, 0);
  const score = async (): Promise<number> => {
    const start = performance.now();
    await model.score(promptIds(PROMPT_TOKENS), { kvType: model.kvType });
    return 1000 * PROMPT_TOKENS / (performance.now() - start);
  };
  await score(); // finds the size of its steps
  const scored = await score();
  const bytes = await decodedBytes(file);
  const rate = await ReadRate.start(bytes, threads);
  const samples = Array.from({ length: READ_SAMPLES }, () => rate.sample());
  await rate.close();
  const readRate = spreadOf(samples)?.median ?? null;
  return { batchDecode, scored, decodeBytes: decode * bytes, readRate };
}

/** Bytes of the weights that a token goes through: all but an embedding that is not the head as well. */
async function decodedBytes(file: string): Promise<number> {
  const { gguf, source } = await openGguf(file);
  await source.close();
  const hasHead = gguf.tensors.has("output.weight");
  const read = [...gguf.tensors.values()].filter(({ name }) =>
    !(hasHead && name === "token_embd.weight")
  );
  return read.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

if (import.meta.main) {
  await runProgram({
    usage: "--measure JSON",
    read: ([, request]) => JSON.parse(request) as Request,
    run: async (request) => console.log(JSON.stringify(await measureHere(request))),
  });
}
