/** `aha bench`: prefill and decode speed of a model. Compares with nobody: see bench/ for that. */
import type { Model } from "@aha/runtime";
import type { Command, CommandInput, CommandIo } from "../command.ts";
import { loadOptions, loadOptionSpecs, loadWithBar } from "../model_options.ts";
import { flagOption, integerOption } from "../options.ts";

/** `aha bench MODEL`. */
export const command: Command = {
  name: "bench",
  usage: "bench MODEL [--prompt 512] [--generate 128] [--repeat 5] [--threads N] [--json]",
  details:
    `Prints tokens/s of prefill (pp) and decode (tg) as median (min to max), after one warm-up.
--json prints {model, variant, threads, pp: {min, median, max}, tg: {min, median, max}}.
  aha bench smollm2-135m --threads 1`,
  positionals: ["MODEL"],
  options: {
    prompt: { type: "string", value: "N", help: "tokens of the prompt (default 512)" },
    generate: { type: "string", value: "N", help: "tokens to generate (default 128)" },
    repeat: { type: "string", value: "N", help: "measured repeats (default 5)" },
    batch: { type: "string", value: "N", help: "sequences at once", notBuiltYet: true },
    ...loadOptionSpecs,
    json: { type: "boolean", help: "print one JSON document" },
  },
  run,
};

interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

async function run({ values, positionals }: CommandInput, io: CommandIo): Promise<number> {
  const prompt = integerOption(values, "prompt", { min: 1 }) ?? 512;
  const generate = integerOption(values, "generate", { min: 2 }) ?? 128;
  const repeat = integerOption(values, "repeat", { min: 1 }) ?? 5;
  await using model = await loadWithBar(positionals[0], loadOptions(values), io);
  const needed = Math.max(prompt, generate) + 1;
  if (needed > model.contextTokens) {
    throw new RangeError(
      `The context of ${model.contextTokens} tokens is too small: --prompt ${prompt} and ` +
        `--generate ${generate} need ${needed}`,
    );
  }
  const runs: { pp: number; tg: number }[] = [];
  for (let i = -1; i < repeat; i++) {
    const measured = await measure(model, prompt, generate, io);
    if (i >= 0) runs.push(measured);
  }
  const pp = spread(runs.map((one) => one.pp));
  const tg = spread(runs.map((one) => one.tg));
  if (flagOption(values, "json")) {
    const { variant, threads } = model.backend;
    io.out(
      `${JSON.stringify({ model: positionals[0], variant, threads, prompt, generate, pp, tg })}\n`,
    );
  } else {
    io.out(`pp${prompt}  ${line(pp)}\ntg${generate}  ${line(tg)}\n`);
  }
  return 0;
}

/** One prompt prefilled, then the continuation of a single token decoded. */
async function measure(
  model: Model,
  prompt: number,
  generate: number,
  io: CommandIo,
): Promise<{ pp: number; tg: number }> {
  const { vocabulary } = model.config;
  const ids = Array.from({ length: prompt }, (_, i) => (i * 31 + 7) % vocabulary);
  const options = { temperature: 0, ignoreEnd: true, reusePrefix: false, signal: io.signal };
  const prefill = await model.complete(ids, { ...options, maxTokens: 1 });
  const decode = await model.complete(ids.slice(0, 1), { ...options, maxTokens: generate });
  return { pp: prefill.timings.promptTokensPerSecond, tg: decode.timings.tokensPerSecond };
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
