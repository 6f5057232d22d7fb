/** Aha as one of those compared: a fresh Deno process for each measurement. With `--measure`, that process. */
import process from "node:process";
import { fileURLToPath } from "node:url";
import { type CompleteOptions, loadModel } from "@aha/runtime";
import { runMeasured } from "./measured_process.ts";
import {
  CONTEXT_TOKENS,
  type Figures,
  FIRST_PROMPT_TOKENS,
  GENERATED_TOKENS,
  type Peer,
  PROMPT_TOKENS,
  promptIds,
  type Task,
  WARM_UP_TOKENS,
} from "./peer.ts";

/** This project. */
export const aha: Peer = {
  name: "aha",
  prepare: () =>
    Promise.resolve({
      version: `this commit, Deno ${Deno.version.deno}, V8 ${Deno.version.v8}`,
      measure: async ({ model, threads }: Task): Promise<Figures> => {
        const program = fileURLToPath(import.meta.url);
        const words = ["run", "--no-check", "--allow-all", program, "--measure", model];
        const { out, peakBytes } = await runMeasured(process.execPath, [...words, `${threads}`]);
        return { ...JSON.parse(out), peakBytes };
      },
    }),
};

async function measureHere({ model: file, threads }: Task): Promise<Omit<Figures, "peakBytes">> {
  const model = await loadModel(file, { threads, contextTokens: CONTEXT_TOKENS });
  if (model.backend.threads !== threads) {
    throw new RangeError(`${threads} threads were asked for, ${model.backend.threads} run`);
  }
  const run = async (promptTokens: number, maxTokens: number) => {
    const options: CompleteOptions = { temperature: 0, ignoreEnd: true, reusePrefix: false };
    const ids = promptIds(promptTokens);
    return (await model.complete(ids, { ...options, maxTokens })).timings;
  };
  const first = await run(FIRST_PROMPT_TOKENS, WARM_UP_TOKENS);
  const prefill = await run(PROMPT_TOKENS, 1);
  const decode = await run(1, GENERATED_TOKENS);
  await model.close();
  return {
    prefill: prefill.promptTokensPerSecond,
    decode: decode.tokensPerSecond,
    loadMs: model.loadMs,
    firstTokenMs: first.timeToFirstTokenMs,
  };
}

if (import.meta.main) {
  const [, model, threads] = process.argv.slice(2);
  console.log(JSON.stringify(await measureHere({ model, threads: Number(threads) })));
  process.exit(0);
}
