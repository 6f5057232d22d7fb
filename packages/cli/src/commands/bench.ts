/** `aha bench`: prefill and decode speed of a model. Compares with nobody: see bench/ for that. */
import type { LoadOptions, Model } from "@aha/runtime";
import type { Command, CommandInput, CommandIo } from "../command.ts";
import { loadOptions, loadOptionSpecs, loadWithBar } from "../model_options.ts";
import { flagOption, integerOption } from "../options.ts";

/** `aha bench MODEL`. */
export const command: Command = {
  name: "bench",
  usage:
    "bench MODEL [--prompt 512] [--generate 128] [--batch 1] [--repeat 5] [--threads N] [--json]",
  details:
    `Prints tokens/s of prefill (pp) and decode (tg) as median (min to max), after one warm-up.
With --batch N, N sequences are decoded at once, and tg is the sum of their speeds.
--json prints {model, variant, threads, prompt, generate, batch, pp: {min, median, max}, tg: {...}}.
  aha bench smollm2-135m --threads 1`,
  positionals: ["MODEL"],
  options: {
    prompt: { type: "string", value: "N", help: "tokens of the prompt (default 512)" },
    generate: { type: "string", value: "N", help: "tokens to generate (default 128)" },
    repeat: { type: "string", value: "N", help: "measured repeats (default 5)" },
    batch: { type: "string", value: "N", help: "sequences to decode at once (default 1)" },
    ...loadOptionSpecs,
    json: { type: "boolean", help: "print one JSON document" },
  },
  run,
};

/** What is measured, in tokens and sequences. */
interface Sizes {
  readonly prompt: number;
  readonly generate: number;
  readonly batch: number;
}

/** Tokens of a sequence's cache that its answer leaves empty, at most: the rest of its last page and its prompt. */
const PAGE_SLACK = 33;

interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

async function run({ values, positionals }: CommandInput, io: CommandIo): Promise<number> {
  const prompt = integerOption(values, "prompt", { min: 1 }) ?? 512;
  const generate = integerOption(values, "generate", { min: 2 }) ?? 128;
  const batch = integerOption(values, "batch", { min: 1 }) ?? 1;
  const repeat = integerOption(values, "repeat", { min: 1 }) ?? 5;
  const cacheTokens = batch * (generate + PAGE_SLACK);
  await using model = await loadFor(positionals[0], loadOptions(values), cacheTokens, io);
  const needed = Math.max(prompt, generate) + 1;
  if (needed > model.contextTokens) {
    throw new RangeError(
      `The context of ${model.contextTokens} tokens is too small: --prompt ${prompt} and ` +
        `--generate ${generate} need ${needed}`,
    );
  }
  const runs: { pp: number; tg: number }[] = [];
  for (let i = -1; i < repeat; i++) {
    const measured = await measure(model, { prompt, generate, batch }, io);
    if (i >= 0) runs.push(measured);
  }
  const pp = spread(runs.map((one) => one.pp));
  const tg = spread(runs.map((one) => one.tg));
  if (flagOption(values, "json")) {
    const { variant, threads } = model.backend;
    const sizes = { prompt, generate, batch };
    io.out(`${JSON.stringify({ model: positionals[0], variant, threads, ...sizes, pp, tg })}\n`);
  } else {
    io.out(`pp${prompt}  ${line(pp)}\ntg${generate}${batch > 1 ? `x${batch}` : ""}  ${line(tg)}\n`);
  }
  return 0;
}

/** A cache that holds one context is enough for most batches; another one is asked for where it is not. */
async function loadFor(
  name: string,
  options: LoadOptions,
  cacheTokens: number,
  io: CommandIo,
): Promise<Model> {
  const model = await loadWithBar(name, options, io);
  if (cacheTokens <= model.contextTokens) return model;
  await model.close();
  return await loadWithBar(name, { ...options, cacheTokens }, io);
}

/** One prompt prefilled, then the continuations of single tokens decoded at once. */
async function measure(
  model: Model,
  { prompt, generate, batch }: Sizes,
  io: CommandIo,
): Promise<{ pp: number; tg: number }> {
  const { vocabulary } = model.config;
  const idsOf = (length: number) => Array.from({ length }, (_, i) => (i * 31 + 7) % vocabulary);
  // Plain decoding: what drafts save depends on the text, and this text means nothing.
  const plain = { reusePrefix: false, speculation: "off" } as const;
  const options = { temperature: 0, ignoreEnd: true, ...plain, signal: io.signal };
  const prefill = await model.complete(idsOf(prompt), { ...options, maxTokens: 1 });
  const starts = idsOf(batch).map((id) => [id]);
  const decoded = await model.generateBatch(starts, { ...options, maxTokens: generate });
  const tg = decoded.reduce((sum, { timings }) => sum + timings.tokensPerSecond, 0);
  return { pp: prefill.timings.promptTokensPerSecond, tg };
}

function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1
    ? sorted[middle]
    : (sorted[middle - 1] + sorted[middle]) / 2;
  return { min: sorted[0], median, max: sorted[sorted.length - 1] };
}

function line({ min, median, max }: Spread): string {
  return `${median.toFixed(1)} tokens/s (${min.toFixed(1)} to ${max.toFixed(1)})`;
}
