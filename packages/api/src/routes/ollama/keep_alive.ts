/** Reads Ollama's `keep_alive`: how long a model stays loaded after a request. Unloads nothing. */

/** Ollama's way to say for good: as far as its clock's numbers reach, 2^63 nanoseconds. */
export const NEVER_MS: number = 2 ** 63 / 1e6;

const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  "µs": 1e-3,
  "μs": 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
};

/** A Go duration: `5m`, `1h30m`, `-1m`, `1.5h`, `0`; so bounded that megabytes of digits take no time. */
export const DURATION =
  /^[+-]?(0|((\d{1,20}(\.\d{0,20})?|\.\d{1,20})(ns|us|µs|μs|ms|s|m|h)){1,8})$/;

/**
 * Milliseconds from a number of seconds or a Go duration that matches `DURATION`; anything negative, and
 * what Ollama's clock cannot count: for good.
 *
 * ```ts
 * import { keepAliveMs } from "./keep_alive.ts";
 * keepAliveMs("1h30m"); // 5400000
 * keepAliveMs(-1); // Infinity
 * ```
 */
export function keepAliveMs(value: string | number): number {
  const ms = typeof value === "number" ? value * 1_000 : durationMs(value);
  return ms < 0 || ms > NEVER_MS ? Infinity : ms;
}

function durationMs(text: string): number {
  const sign = text.startsWith("-") ? -1 : 1;
  const parts = text.matchAll(/([\d.]+)([^\d.]+)/g);
  return sign * parts.reduce((sum, [, count, unit]) => sum + Number(count) * UNIT_MS[unit], 0);
}
