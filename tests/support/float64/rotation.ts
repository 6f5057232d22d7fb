/** Rotary positions in float64, YaRN's included, as the models' published code has them. Knows no attention. */
import type { Metadata } from "../../../packages/runtime/src/gguf/mod.ts";
import type { Row } from "./matrices.ts";

/** How a model's heads rotate. */
export interface Rotation {
  /** Angle a position, for each pair. */
  readonly frequencies: readonly number[];
  /** Factor on cos and sin. */
  readonly magnitude: number;
  /** Factor on the scores. */
  readonly scoreFactor: number;
  readonly isInterleaved: boolean;
}

/** Reads it from a file's metadata; `size` elements of a head rotate. */
export function rotationOf(metadata: Metadata, architecture: string, size: number): Rotation {
  const number = (key: string) => metadata.optionalNumber(`${architecture}.rope.${key}`);
  const base = number("freq_base") ?? 10000;
  const plain = Array.from({ length: size / 2 }, (_, i) => base ** (-2 * i / size));
  const isInterleaved = architecture === "deepseek2" || architecture === "llama";
  const type = metadata.optionalString(`${architecture}.rope.scaling.type`);
  if (type !== "yarn") {
    return { frequencies: plain, magnitude: 1, scoreFactor: 1, isInterleaved };
  }
  const factor = number("scaling.factor") ?? 1;
  const original = number("scaling.original_context_length") ?? NaN;
  const dimension = (turns: number) =>
    size * Math.log(original / (turns * 2 * Math.PI)) / (2 * Math.log(base));
  const low = Math.max(Math.floor(dimension(number("scaling.yarn_beta_fast") ?? 32)), 0);
  const last = Math.ceil(dimension(number("scaling.yarn_beta_slow") ?? 1));
  const high = Math.max(Math.min(last, size - 1), low + 0.001);
  const frequencies = plain.map((frequency, i) => {
    const kept = 1 - Math.min(Math.max((i - low) / (high - low), 0), 1);
    return frequency * kept + frequency / factor * (1 - kept);
  });
  const multiplier = number("scaling.yarn_log_multiplier");
  return multiplier === undefined
    ? { frequencies, magnitude: 1 + 0.1 * Math.log(factor), scoreFactor: 1, isInterleaved }
    : {
      frequencies,
      magnitude: 1,
      scoreFactor: (1 + multiplier * Math.log(factor)) ** 2,
      isInterleaved,
    };
}

/** A head, or the part of one that rotates, at a position. */
export function rotated(x: Row, position: number, rotation: Rotation): Row {
  const { frequencies, magnitude, isInterleaved } = rotation;
  const out = Float64Array.from(x);
  frequencies.forEach((frequency, pair) => {
    const [a, b] = isInterleaved ? [2 * pair, 2 * pair + 1] : [pair, pair + frequencies.length];
    const [cos, sin] = [Math.cos, Math.sin].map((f) => f(position * frequency) * magnitude);
    out[a] = x[a] * cos - x[b] * sin;
    out[b] = x[a] * sin + x[b] * cos;
  });
  return out;
}
