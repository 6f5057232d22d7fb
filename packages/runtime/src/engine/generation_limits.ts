/** How long an answer may become, out of the options. Counts nothing. */
import type { GenerateOptions } from "../events.ts";

/** StreamingLLM (2309.17453, section 3.1): the first four tokens draw attention whatever they are, so they stay. */
const SINK_TOKENS = 4;

/** Limits of one answer. */
export interface GenerationLimits {
  /** Most tokens of the answer. */
  readonly limit: number;
  /** First tokens that stay when a full context slides; undefined: the answer ends there. */
  readonly keepTokens: number | undefined;
}

/**
 * The limits for an answer with `room` tokens left in the context.
 * @throws {RangeError} naming the option that is out of range
 */
export function limitsOf(options: GenerateOptions, room: number): GenerationLimits {
  const maxTokens = options.maxTokens ?? Infinity;
  if (maxTokens !== Infinity) count("maxTokens", maxTokens);
  const { onFullContext = "stop" } = options;
  if (onFullContext !== "stop" && onFullContext !== "slide") {
    throw new RangeError(`onFullContext is ${onFullContext}, it must be stop or slide`);
  }
  const slides = onFullContext === "slide";
  return {
    limit: slides ? maxTokens : Math.min(maxTokens, room),
    keepTokens: slides ? count("keepTokens", options.keepTokens ?? SINK_TOKENS) : undefined,
  };
}

function count(name: string, value: number): number {
  if (Number.isInteger(value) && value >= 0) return value;
  throw new RangeError(`${name} is ${value}, it must be a whole number of at least 0`);
}
