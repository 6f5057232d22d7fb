/** The points of a curve made few and calm enough to be drawn: extremes kept, a running mean beside them. Draws nothing. */
import type { CurvePoint } from "./sections.ts";

/** More points are not told apart on a screen. */
const MOST_POINTS = 400;
/** Fewer points are shown as they are, with dots. */
const LEAST_SMOOTHED = 40;

/** A curve to draw. */
export interface DrawnCurve {
  readonly points: readonly CurvePoint[];
  /** Running mean, where there are many points. */
  readonly smooth?: readonly CurvePoint[];
}

/** At most about 400 of the finite points, extremes among them, and their running mean. */
export function drawnCurve(points: readonly CurvePoint[]): DrawnCurve {
  const finite = points.filter(({ x, y }) => Number.isFinite(x) && Number.isFinite(y));
  if (finite.length < LEAST_SMOOTHED) return { points: finite };
  const smooth = everyNth(runningMean(finite, Math.ceil(finite.length / 25)), MOST_POINTS);
  return { points: extremes(finite), smooth };
}

/** The mean of each point and its neighbours, `width` of them where there are so many. */
function runningMean(points: readonly CurvePoint[], width: number): CurvePoint[] {
  const sums = [0];
  for (const { y } of points) sums.push(sums[sums.length - 1] + y);
  const half = Math.floor(width / 2);
  return points.map(({ x }, i) => {
    const [first, end] = [Math.max(0, i - half), Math.min(points.length, i + half + 1)];
    return { x, y: (sums[end] - sums[first]) / (end - first) };
  });
}

function everyNth(points: readonly CurvePoint[], most: number): CurvePoint[] {
  const every = Math.ceil(points.length / most);
  return points.filter((_, i) => i % every === 0 || i === points.length - 1);
}

/** Of each run of neighbours the lowest and the highest, in order. */
function extremes(points: readonly CurvePoint[]): CurvePoint[] {
  const size = Math.ceil(points.length / (MOST_POINTS / 2));
  if (size <= 2) return [...points];
  const kept: CurvePoint[] = [];
  for (let start = 0; start < points.length; start += size) {
    const run = points.slice(start, start + size);
    const low = run.reduce((a, b) => b.y < a.y ? b : a);
    const high = run.reduce((a, b) => b.y > a.y ? b : a);
    kept.push(...(low === high ? [low] : low.x < high.x ? [low, high] : [high, low]));
  }
  return kept;
}
