/** A curve in one line of text. Knows nothing of terminals. */

const LEVELS = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];

/** Values as blocks, the mean of neighbours where there are more than `width`; values that are not finite are spaces. */
export function sparkline(values: readonly number[], width: number): string {
  const points = squeezed(values, width);
  const finite = points.filter(Number.isFinite);
  const [low, high] = [Math.min(...finite), Math.max(...finite)];
  return points.map((value) => {
    if (!Number.isFinite(value)) return " ";
    const share = high > low ? (value - low) / (high - low) : 0;
    return LEVELS[Math.min(LEVELS.length - 1, Math.floor(share * LEVELS.length))];
  }).join("");
}

function squeezed(values: readonly number[], width: number): number[] {
  if (values.length <= width) return [...values];
  return Array.from({ length: width }, (_, i) => {
    const start = Math.floor(i * values.length / width);
    const part = values.slice(start, Math.floor((i + 1) * values.length / width));
    const finite = part.filter(Number.isFinite);
    return finite.length > 0 ? finite.reduce((a, b) => a + b, 0) / finite.length : NaN;
  });
}

/** A bar of `width` characters, `share` of it full. */
export function bar(share: number, width: number): string {
  const full = Math.round(Math.min(1, Math.max(0, share)) * width);
  return "█".repeat(full) + "░".repeat(width - full);
}
