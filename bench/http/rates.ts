/** The same model over HTTP and in this process, in turns: tokens/s of eight streams at once, and when the tokens of one come. Judges no figures. */
import { loadModel, type Model } from "@aha/runtime";
import { type Spread, spreadOf } from "../spread.ts";
import { promptOf, readStream } from "./streams.ts";

/** Figures of one model. */
export interface Rates {
  readonly streams: number;
  readonly tokens: number;
  /** Tokens/s of all streams together, in each repeat. */
  readonly http: readonly number[];
  readonly engine: readonly number[];
  /** Milliseconds a token of a single stream, from its first to its last, in each repeat. */
  readonly httpTokenMs: readonly number[];
  readonly engineTokenMs: readonly number[];
}

/** How much is measured. */
export interface RateSizes {
  readonly promptTokens: number;
  readonly tokens: number;
  readonly repeats: number;
  /** Of single streams. */
  readonly singleRepeats: number;
}

const STREAMS = 8;

/** Measures the server at `url`, which has the model of `file`; the first turn warms up and does not count. */
export async function measureRates(url: string, file: string, sizes: RateSizes): Promise<Rates> {
  await using model = await loadModel(file, { sequences: STREAMS });
  const { promptTokens, tokens, repeats, singleRepeats } = sizes;
  let asked = 0;
  const prompts = (count: number) =>
    Array.from({ length: count }, () => promptOf(model.config.vocabulary, promptTokens, asked++));
  const rates = await inTurns(repeats, async () => {
    const same = prompts(STREAMS);
    return [await httpRate(url, same, tokens), await engineRate(model, same, tokens)];
  });
  const single = await inTurns(singleRepeats, async () => {
    const [prompt] = prompts(1);
    return [await httpTokenMs(url, prompt, tokens), await engineTokenMs(model, prompt, tokens)];
  });
  return {
    ...{ streams: STREAMS, tokens, http: rates[0], engine: rates[1] },
    ...{ httpTokenMs: single[0], engineTokenMs: single[1] },
  };
}

/** Both figures of each turn but the first. */
async function inTurns(
  turns: number,
  measure: () => Promise<readonly number[]>,
): Promise<readonly [number[], number[]]> {
  const found: readonly [number[], number[]] = [[], []];
  for (let turn = 0; turn <= turns; turn++) {
    const figures = await measure();
    if (turn > 0) found.forEach((values, i) => values.push(figures[i]));
  }
  return found;
}

async function httpRate(
  url: string,
  prompts: readonly (readonly number[])[],
  tokens: number,
): Promise<number> {
  const started = performance.now();
  const outcomes = await Promise.all(
    prompts.map((prompt) => readStream(url, { prompt, tokens, seed: 1 })),
  );
  const seconds = (performance.now() - started) / 1_000;
  const broken = outcomes.find(({ kind }) => kind !== "complete");
  if (broken) throw new Error(`A stream has ended with ${broken.status}: ${broken.tail}`);
  return prompts.length * tokens / seconds;
}

async function engineRate(
  model: Model,
  prompts: readonly (readonly number[])[],
  tokens: number,
): Promise<number> {
  const started = performance.now();
  const options = { maxTokens: tokens, seed: 1, temperature: 1, ignoreEnd: true };
  const answers = await model.generateBatch(prompts, options);
  const seconds = (performance.now() - started) / 1_000;
  return answers.reduce((sum, { ids }) => sum + ids.length, 0) / seconds;
}

async function httpTokenMs(
  url: string,
  prompt: readonly number[],
  tokens: number,
): Promise<number> {
  const { arrivals } = await readStream(url, { prompt, tokens, seed: 1 });
  return tokenMs(arrivals, tokens);
}

async function engineTokenMs(
  model: Model,
  prompt: readonly number[],
  tokens: number,
): Promise<number> {
  const times: number[] = [];
  const options = { maxTokens: tokens, seed: 1, temperature: 1, ignoreEnd: true };
  for await (const event of model.generate(prompt, options)) {
    if (event.type !== "end" && event.text !== "") times.push(performance.now());
  }
  return tokenMs(times, tokens);
}

/** Several tokens may come at once, the first comes alone. */
function tokenMs(times: readonly number[], tokens: number): number {
  return (times[times.length - 1] - times[0]) / (tokens - 1);
}

/** @throws {RangeError} of nothing */
export function medianOf(values: readonly number[]): number {
  const spread: Spread | null = spreadOf(values);
  if (!spread) throw new RangeError("Nothing was measured");
  return spread.median;
}
