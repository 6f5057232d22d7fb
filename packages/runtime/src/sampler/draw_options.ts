/** Turns a request's sampling options into the draw of one token. Draws nothing itself: that happens on the backend. */
import type { GenerateOptions } from "../events.ts";
import type { Draw } from "../ops.ts";

/** The part of the options that shapes the distribution. */
export type SamplingDefaults = Pick<GenerateOptions, "temperature" | "topP" | "topK" | "minP">;

/** DeepSeek-R1's recommendation (2501.12948, section 3): temperature 0.6, top-p 0.95. */
export const R1_SAMPLING: SamplingDefaults = { temperature: 0.6, topP: 0.95 };

const MAX_TOP_K = 2 ** 31 - 1;

/**
 * A function from a position to the draw of its token, keyed by (seed, choice, position).
 * @throws {RangeError} naming the option that is out of range.
 */
export function drawsOf(
  options: GenerateOptions,
  defaults: SamplingDefaults,
  choice = 0,
): (position: number) => Draw {
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
  return (position) => ({ ...shape, seed: halves, choice, position });
}

/** Below this no second token has a chance, and 1 / temperature would leave the range of float32. */
const LOWEST_TEMPERATURE = 1e-6;

function orGreedy(temperature: number): number {
  return temperature < LOWEST_TEMPERATURE ? 0 : temperature;
}

function whole(name: string, value: number): number {
  if (Number.isInteger(value)) return value;
  throw new RangeError(`${name} is ${value}, it must be a whole number`);
}

function inRange(name: string, value: number, low: number, high: number): number {
  if (value >= low && value <= high) return value;
  throw new RangeError(`${name} is ${value}, it must lie between ${low} and ${high}`);
}
