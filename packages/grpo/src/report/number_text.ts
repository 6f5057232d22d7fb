/** Numbers for people, and round places on an axis. Draws nothing. */

/** A number in few digits: `1.2e−4`, `3.14`, `12.3 k`. */
export function numberText(value: number): string {
  const size = Math.abs(value);
  if (!Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  if (size >= 1e6) return `${trimmed(value / 1e6, 3)} M`;
  if (size >= 1e4) return `${trimmed(value / 1e3, 3)} k`;
  if (size < 1e-3) return value.toExponential(1).replace(".0", "").replace("e-", "e−");
  return trimmed(value, size >= 100 ? 4 : 3);
}

function trimmed(value: number, digits: number): string {
  return String(Number(value.toPrecision(digits)));
}

/** Round values from `low` to `high`, about `wanted` of them. */
export function linearTicks(low: number, high: number, wanted: number): number[] {
  const rough = (high - low) / Math.max(1, wanted);
  const power = 10 ** Math.floor(Math.log10(rough));
  const sizes = [1, 2, 5, 10].map((factor) => factor * power);
  const miss = (size: number): number => Math.abs((high - low) / size - wanted);
  const step = sizes.reduce((best, size) => miss(size) < miss(best) ? size : best);
  const ticks: number[] = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) {
    ticks.push(Number((i * step).toPrecision(12)));
  }
  return ticks;
}

/** Powers of 2 or 10 from `low` to `high`, at most about `wanted` of them. */
export function logTicks(low: number, high: number, wanted: number): number[] {
  const base = high / low > 1000 ? 10 : 2;
  const first = Math.ceil(Math.log(low) / Math.log(base) - 1e-9);
  const last = Math.floor(Math.log(high) / Math.log(base) + 1e-9);
  const every = Math.max(1, Math.ceil((last - first + 1) / Math.max(1, wanted)));
  const ticks: number[] = [];
  for (let i = first; i <= last; i += every) ticks.push(base ** i);
  return ticks;
}
