/** `aha score`: log-probabilities of given tokens or of a text. Generates nothing. */
import type { Model, Score, ScoreOptions } from "@aha/runtime";
import { type Command, type CommandInput, type CommandIo, UsageError } from "../command.ts";
import {
  adapterOption,
  adapterOptionSpec,
  expectAdapters,
  kvTypeOption,
  loadOptions,
  loadOptionSpecs,
  loadWithBar,
} from "../model_options.ts";
import { flagOption, stringOption } from "../options.ts";
import { LogitsFile } from "../logits_file.ts";
import { readTextInput } from "../terminal/text_input.ts";

/** `aha score MODEL (--ids FILE.json | --text FILE)`. */
export const command: Command = {
  name: "score",
  usage: "score MODEL (--ids FILE.json | --text FILE) [--logits OUT.safetensors] [options]",
  details:
    `Prints {sequences: [{ids, logprobs, meanNll}], perplexity}: natural logs, T - 1 a sequence.
--routing adds routing: {LAYER: [{experts, weights}, ... one a token]} to each sequence.
FILE.json holds [[ids...], ...]. Keys and values are f32 unless --kv-type says otherwise.
OUT.safetensors gets F32 tensors logits.0, logits.1, ... of shape [T, V].
  aha score smollm2-135m --text README.md`,
  positionals: ["MODEL"],
  options: {
    ids: { type: "string", value: "FILE.json", help: "token ids, [[1, 2, 3], ...]" },
    text: { type: "string", value: "FILE", help: "a text as one sequence, - for stdin" },
    logits: { type: "string", value: "OUT", help: "write all logits to this safetensors file" },
    routing: { type: "boolean", help: "tell the experts of each token" },
    ...loadOptionSpecs,
    adapter: adapterOptionSpec,
    json: { type: "boolean", help: "print one JSON document (always so)" },
  },
  run,
};

async function run({ values, positionals }: CommandInput, io: CommandIo): Promise<number> {
  const idsFile = stringOption(values, "ids");
  const textFile = stringOption(values, "text");
  if ((idsFile === undefined) === (textFile === undefined)) {
    throw new UsageError("score needs --ids FILE.json or --text FILE, and not both");
  }
  const asked = kvTypeOption(values);
  const kvType = asked === "auto" || asked === undefined ? "f32" : asked;
  const options = { ...loadOptions(values), kvType };
  const text = await readTextInput(idsFile ?? textFile as string, io);
  const given = idsFile === undefined ? undefined : parseIds(text, idsFile);
  await using model = await loadWithBar(positionals[0], options, io);
  expectAdapters(model, values);
  const sequences = given ?? [[...model.promptIds(text)]];
  const out = stringOption(values, "logits");
  const adapter = adapterOption(values);
  const wanted = { kvType, adapter, routing: flagOption(values, "routing") };
  const scores = await scoreAll(model, sequences, wanted, out, io);
  const summary = { sequences: scores, perplexity: perplexity(scores) };
  io.out(`${JSON.stringify(summary)}\n`);
  return 0;
}

async function scoreAll(
  model: Model,
  sequences: readonly (readonly number[])[],
  wanted: Pick<ScoreOptions, "kvType" | "routing" | "adapter">,
  out: string | undefined,
  io: CommandIo,
): Promise<Score[]> {
  const shapes = sequences.map((ids) => [ids.length, model.config.vocabulary] as const);
  using file = out === undefined ? undefined : new LogitsFile(out, shapes);
  const scores: Score[] = [];
  for (const ids of sequences) {
    const onLogits = file && ((logits: Float32Array) => file.append(logits));
    scores.push(await model.score(ids, { ...wanted, signal: io.signal, onLogits }));
  }
  file?.finish();
  return scores;
}

function parseIds(text: string, file: string): number[][] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new Error(`Cannot read ${file}: ${(error as Error).message}`, { cause: error });
  }
  const isIds = (row: unknown) => Array.isArray(row) && row.every((id) => Number.isInteger(id));
  if (!Array.isArray(parsed) || !parsed.every(isIds)) {
    throw new Error(`Cannot read ${file}: it must hold lists of token ids, [[1, 2, 3], ...]`);
  }
  return parsed;
}

/** e to the mean NLL over all scored tokens; 1 when there are none. */
function perplexity(scores: readonly Score[]): number {
  const all = scores.flatMap(({ logprobs }) => logprobs);
  return Math.exp(-all.reduce((sum, value) => sum + value, 0) / Math.max(1, all.length));
}
