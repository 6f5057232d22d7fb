/** `aha eval`: measures a model on a suite of tasks. Trains nothing. */
import type { EvalReport, Sampler, SuiteFormat } from "@aha/grpo/eval";
import { accessSync, constants, mkdirSync, writeFileSync } from "node:fs";
import { type Command, type CommandInput, type CommandIo, UsageError } from "../command.ts";
import { PHASES } from "../model_options.ts";
import { choiceOption, flagOption, integerOption, numberOption, stringOption } from "../options.ts";
import { progressBar } from "../terminal/progress_bar.ts";

const FORMATS: readonly SuiteFormat[] = ["gsm8k", "math500", "aime", "gpqa", "countdown", "jsonl"];
/** Prompts whose completions run together. */
const PROMPTS_A_CALL = 16;

/** `aha eval MODEL SUITE`. */
export const command: Command = {
  name: "eval",
  usage: "eval MODEL SUITE [--samples K] [--budgets 0,8,32] [--out DIR] [--json] [options]",
  details:
    `SUITE is nano, one of its tasks (CHAIN, CHAIN6, MUL, EVAL, CD, GENERAL), digit_sum, or a FILE with --format.
pass@1 is the mean over K samples, with its standard error over problems; cons@K is the majority's answer.
Sampling is R1's unless told otherwise: temperature 0.6, top-p 0.95. --budgets also measures accuracy where
the thought is ended after so many tokens, 0 being the control that thinks nothing.
--json prints the whole report; --out writes it as eval.json and report.html.
  aha eval nano.gguf nano --samples 16 --budgets 0,8,16,32
  aha eval model.gguf test.jsonl --format gsm8k --limit 100`,
  positionals: ["MODEL", "SUITE"],
  options: {
    format: { type: "string", value: "F", help: `of a FILE: ${FORMATS.join(", ")}` },
    limit: { type: "string", value: "N", help: "problems, of each nano task (default there 64)" },
    samples: { type: "string", value: "K", help: "completions of a problem (default the suite's)" },
    temperature: { type: "string", value: "T", help: "0 takes the best token (default 0.6)" },
    "top-p": { type: "string", value: "P", help: "share of probability (default 0.95)" },
    "max-tokens": { type: "string", value: "N", help: "most tokens of a completion" },
    budgets: { type: "string", value: "N,...", help: "thinking budgets, or none (default 0)" },
    seed: { type: "string", value: "N", help: "of problems and draws (default 0)" },
    threads: { type: "string", value: "N", help: "threads that share the work" },
    lora: { type: "string", value: "FILE", help: "a low-rank adapter on the model" },
    out: { type: "string", value: "DIR", help: "write eval.json and report.html there" },
    json: { type: "boolean", help: "print the report as one JSON document" },
  },
  run,
};

async function run({ values, positionals }: CommandInput, io: CommandIo): Promise<number> {
  const [model, suiteName] = positionals;
  const { evalSections, evaluate, readSuite, reportTable, SUITE_NAMES } = await import(
    "@aha/grpo/eval"
  );
  const format = choiceOption(values, "format", FORMATS);
  if (format === undefined && !SUITE_NAMES.includes(suiteName)) {
    throw new UsageError(
      `SUITE ${JSON.stringify(suiteName)} is not allowed; give ${
        SUITE_NAMES.join(", ")
      }, or a file with --format ${FORMATS.join("|")}`,
    );
  }
  const seed = integerOption(values, "seed", { min: 0 }) ?? 0;
  const samples = integerOption(values, "samples", { min: 1, max: 1000 });
  const maxTokens = integerOption(values, "max-tokens", { min: 1 });
  const options = {
    ...{ seed, samples, maxTokens },
    temperature: numberOption(values, "temperature", { min: 0 }),
    topP: numberOption(values, "top-p", { min: 0.001, max: 1 }),
    budgets: budgetsOption(stringOption(values, "budgets")),
  };
  const limit = integerOption(values, "limit", { min: 1 });
  const suite = await readSuite(suiteName, {
    ...{ format, seed, limit },
    ...(samples === undefined ? {} : { samples }),
    ...(maxTokens === undefined ? {} : { maxTokens }),
  });
  const out = stringOption(values, "out");
  if (out !== undefined) makeFolder(out); // before hours of sampling
  const bar = progressBar(io);
  const report = await withSampler(
    model,
    values,
    io,
    bar,
    async (sampler, canThink) =>
      await evaluate(sampler, suite, {
        ...options,
        budgets: options.budgets ?? (canThink ? [0] : []),
        promptsPerCall: PROMPTS_A_CALL,
        signal: io.signal,
        onProgress: ({ done, total }) => bar.update("Evaluating", done, total),
      }),
  );
  if (out !== undefined) await writeReport(out, model, report, evalSections(report));
  io.out(flagOption(values, "json") ? `${JSON.stringify(report)}\n` : `${reportTable(report)}\n`);
  return 0;
}

/** Opens the model with its adapters for as long as something samples it. */
async function withSampler(
  name: string,
  values: CommandInput["values"],
  io: CommandIo,
  bar: ReturnType<typeof progressBar>,
  use: (sampler: Sampler, canThink: boolean) => Promise<EvalReport>,
): Promise<EvalReport> {
  const { openTrainable } = await import("@aha/runtime/training");
  const lora = stringOption(values, "lora");
  const { modelSampler } = await import("@aha/grpo/recipes");
  try {
    const model = await openTrainable(name, {
      threads: integerOption(values, "threads", { min: 1 }),
      latentForm: lora === undefined ? undefined : "naive",
      signal: io.signal,
      onProgress: ({ phase, doneBytes, totalBytes }) =>
        bar.update(PHASES[phase], doneBytes, totalBytes),
    });
    try {
      const { sampler, canThink } = await modelSampler(model, lora);
      return await use(sampler, canThink);
    } finally {
      await model.close();
    }
  } finally {
    bar.stop();
  }
}

/** `--budgets 0,8,32` or `none`. */
function budgetsOption(text: string | undefined): number[] | undefined {
  if (text === undefined) return undefined;
  if (text === "none") return [];
  const budgets = text.split(",").map((part) => /^\s*\d+\s*$/.test(part) ? Number(part) : NaN);
  if (budgets.every(Number.isSafeInteger)) return budgets;
  throw new UsageError(
    `--budgets ${JSON.stringify(text)} is not allowed; give whole numbers such as 0,8,32, or none`,
  );
}

/** @throws {Error} naming the folder that cannot be made or written */
function makeFolder(out: string): void {
  try {
    mkdirSync(out, { recursive: true });
    accessSync(out, constants.W_OK);
  } catch (error) {
    throw new Error(`Cannot write into ${out}: ${(error as Error).message}`, { cause: error });
  }
}

async function writeReport(
  out: string,
  model: string,
  report: EvalReport,
  sections: Parameters<typeof import("@aha/grpo").htmlReport>[0],
): Promise<void> {
  const { htmlReport } = await import("@aha/grpo");
  writeFileSync(`${out}/eval.json`, `${JSON.stringify(report, null, 1)}\n`);
  const title = `${model} on ${report.suite}`;
  writeFileSync(`${out}/report.html`, htmlReport(sections, { title, footer: "Made by aha eval." }));
}
