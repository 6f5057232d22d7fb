/** Turns a request's sampling options into the draw of each token. Draws nothing itself: that happens on the backend. */
import type { GenerateOptions } from "../events.ts";
import type { Draw, Penalties } from "../ops.ts";
import { TokenCounts } from "./token_counts.ts";

/** The part of the options that a model may recommend. */
export type SamplingDefaults = Pick<GenerateOptions, "temperature" | "topP" | "topK" | "minP">;

/** What the draws need to know of a model. */
export interface SampledModel {
  readonly defaults: SamplingDefaults;
  /** Not drawn before `minTokens`; those outside the vocabulary are no matter. */
  readonly endIds: Iterable<number>;
  /** V, the number of logits. */
  readonly vocabulary: number;
}

/** Where a sequence stands. */
export interface DrawState {
  /** Philox position of the token to draw: how many come before it. */
  readonly position: number;
  /** Ids of the prompt and of the answer so far; only ever appended to between two draws, or cut. */
  readonly history: readonly number[];
  /** How many of them are the prompt. */
  readonly promptLength: number;
  /** How many of the last of them are guesses, which count for this draw alone. Default 0. */
  readonly ahead?: number;
  /** Whether an end token may come, if `minTokens` lets it. Default true. */
  readonly mayEnd?: boolean;
}

/** DeepSeek-R1's recommendation (2501.12948, section 3): temperature 0.6, top-p 0.95. */
export const R1_SAMPLING: SamplingDefaults = { temperature: 0.6, topP: 0.95 };

const MAX_TOP_K = 2 ** 31 - 1;
/** As llama.cpp's `repeat_last_n`. */
const REPEAT_LAST_TOKENS = 64;
/** As OpenAI's API allows. */
const MAX_TOP_LOGPROBS = 20;

/**
 * A function from where a sequence stands to the draw of its next token, keyed by (seed, choice, position). It counts
 * tokens as they come, so each sequence has its own; a draw's counts are good until the next one is asked for without
 * guesses.
 * @throws {RangeError} naming the option that is out of range.
 */
export function drawsOf(
  options: GenerateOptions,
  { defaults, endIds, vocabulary }: SampledModel,
  choice = 0,
): (state: DrawState) => Draw {
  const value = (name: keyof SamplingDefaults, fallback: number): number =>
    options[name] ?? defaults[name] ?? fallback;
  const shape = {
    temperature: orGreedy(inRange("temperature", value("temperature", 0.6), 0, 100)),
    topK: whole("topK", inRange("topK", value("topK", 0), 0, MAX_TOP_K)),
    topP: inRange("topP", value("topP", 1), 0, 1),
    minP: inRange("minP", value("minP", 0), 0, 1),
  };
  const seed = options.seed ?? Math.floor(Math.random() * Number.MAX_SAFE_INTEGER);
  whole("seed", inRange("seed", seed, 0, Number.MAX_SAFE_INTEGER));
  whole("choice", inRange("choice", choice, 0, 2 ** 32 - 1));
  const halves: [number, number] = [seed % 2 ** 32, Math.floor(seed / 2 ** 32)];
  const { topLogprobs = 0 } = options;
  const alternatives = whole(
    "topLogprobs",
    inRange("topLogprobs", topLogprobs, 0, MAX_TOP_LOGPROBS),
  );
  const fixed = { ...shape, seed: halves, choice, alternatives };
  const biasAt = biasOf(options, Array.from(endIds).filter((id) => id < vocabulary), vocabulary);
  const penaltiesAt = penaltiesOf(options);
  return (state) => ({
    ...fixed,
    position: state.position,
    bias: biasAt(state),
    penalties: penaltiesAt(state),
  });
}

/** The bias of the next draw: the request's, with the end tokens excluded before `minTokens` and where none may come. */
function biasOf(
  { logitBias = {}, minTokens = 0 }: GenerateOptions,
  endIds: readonly number[],
  vocabulary: number,
): (state: DrawState) => Draw["bias"] {
  if (logitBias instanceof Map) {
    throw new RangeError("logitBias is a Map, it must be an object of biases by token id");
  }
  const bias = new Map<number, number>();
  for (const [key, value] of Object.entries(logitBias)) {
    const id = Number(key);
    if (!(Number.isInteger(id) && id >= 0 && id < vocabulary)) {
      throw new RangeError(
        `logitBias has the token id ${key}, which is outside the vocabulary of ${vocabulary}`,
      );
    }
    bias.set(
      id,
      value === -Infinity ? value : inRange(`logitBias of token ${id}`, value, -100, 100),
    );
  }
  wholeOrMore("minTokens", minTokens);
  const withoutEnds = new Map([...bias, ...endIds.map((id) => [id, -Infinity] as const)]);
  return ({ history, promptLength, mayEnd = true }) => {
    const now = mayEnd && history.length - promptLength >= minTokens ? bias : withoutEnds;
    return now.size > 0 ? now : undefined;
  };
}

/** The penalties of the next draw, with counts that go on from draw to draw. */
function penaltiesOf(
  {
    repeatPenalty = 1,
    repeatLastTokens = REPEAT_LAST_TOKENS,
    presencePenalty = 0,
    frequencyPenalty = 0,
  }: GenerateOptions,
): (state: DrawState) => Penalties | undefined {
  // A wider range could turn logits to 0 or infinity.
  const repeat = inRange("repeatPenalty", repeatPenalty, 0.01, 100);
  if (repeatLastTokens !== Infinity) wholeOrMore("repeatLastTokens", repeatLastTokens);
  const presence = inRange("presencePenalty", presencePenalty, -2, 2);
  const frequency = inRange("frequencyPenalty", frequencyPenalty, -2, 2);
  if (repeat === 1 && presence === 0 && frequency === 0) return () => undefined;
  const counts = new TokenCounts(repeatLastTokens);
  return ({ history, promptLength, ahead = 0 }) => {
    const now = ahead > 0 ? counts.copy() : counts;
    now.update(history, promptLength);
    return { repeat, recent: now.recent, presence, frequency, answered: now.answered };
  };
}

/** Below this no second token has a chance, and 1 / temperature would leave the range of float32. */
export const LOWEST_TEMPERATURE = 1e-6;

function orGreedy(temperature: number): number {
  return temperature < LOWEST_TEMPERATURE ? 0 : temperature;
}

function whole(name: string, value: number): number {
  if (Number.isInteger(value)) return value;
  throw new RangeError(`${name} is ${value}, it must be a whole number`);
}

function wholeOrMore(name: string, value: number): void {
  if (Number.isInteger(value) && value >= 0) return;
  throw new RangeError(`${name} is ${value}, it must be a whole number of at least 0`);
}

function inRange(name: string, value: number, low: number, high: number): number {
  if (value >= low && value <= high) return value;
  throw new RangeError(`${name} is ${value}, it must lie between ${low} and ${high}`);
}
