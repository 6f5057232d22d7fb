/** llama-bench, llama.cpp's own benchmark, from the path in `LLAMA_BENCH`. Builds nothing: README.md says how. */
import { spawnSync } from "node:child_process";
import process from "node:process";
import { runMeasured } from "./measured_process.ts";
import { type Figures, GENERATED_TOKENS, type Peer, PROMPT_TOKENS, type Task } from "./peer.ts";

/** What is read of one entry of llama-bench's JSON. */
interface Entry {
  readonly n_prompt: number;
  readonly n_gen: number;
  readonly avg_ts: number;
}

/** llama.cpp on the CPU. It tells neither the time to load nor to the first token. */
export const llamaBench: Peer = {
  name: "llama-bench",
  prepare: () => {
    const program = process.env.LLAMA_BENCH;
    if (!program) return Promise.reject(new Error("LLAMA_BENCH names no program"));
    return Promise.resolve({ version: versionOf(program), measure: (task) => run(program, task) });
  },
};

/** llama-bench does not tell its version, and a build from an archive does not know its commit. */
function versionOf(program: string): string {
  const { error, stdout, stderr } = spawnSync(program, ["--help"], { encoding: "utf8" });
  if (error) throw new Error(`LLAMA_BENCH does not run: ${error.message}`);
  if (!`${stdout}${stderr}`.includes("--n-gen")) {
    throw new Error("LLAMA_BENCH is no llama-bench: its --help does not tell of --n-gen");
  }
  return process.env.LLAMA_BENCH_VERSION || "unknown (LLAMA_BENCH_VERSION may tell)";
}

async function run(program: string, { model, threads }: Task): Promise<Figures> {
  const sizes = ["-p", `${PROMPT_TOKENS}`, "-n", `${GENERATED_TOKENS}`];
  const words = ["-m", model, "-t", `${threads}`, ...sizes, "-r", "1", "-ngl", "0", "-o", "json"];
  const { out, peakBytes } = await runMeasured(program, words);
  return { ...readRates(out), loadMs: null, firstTokenMs: null, peakBytes };
}

/** Tokens/s of prompt and generation from llama-bench's JSON. */
export function readRates(json: string): { readonly prefill: number; readonly decode: number } {
  const entries: readonly Entry[] = JSON.parse(json);
  const rate = (prompt: number, generated: number): number => {
    const entry = entries.find(({ n_prompt, n_gen }) => n_prompt === prompt && n_gen === generated);
    if (!entry) throw new Error(`llama-bench tells no rate of ${prompt} and ${generated} tokens`);
    return entry.avg_ts;
  };
  return { prefill: rate(PROMPT_TOKENS, 0), decode: rate(0, GENERATED_TOKENS) };
}
