/** A curve as an SVG figure that reads without a script, and with one by pointer and arrow keys. Chooses no data. */
import { type DrawnCurve, drawnCurve } from "./curve_points.ts";
import { type Html, markup } from "./html.ts";
import { linearTicks, logTicks, numberText } from "./number_text.ts";
import type { CurvePoint, CurveSection } from "./sections.ts";

/** Sizes in units of the figure: about pixels. */
export const WIDTH = 360;
export const HEIGHT = 210;
const LEFT = 44;
const RIGHT = 12;
const TOP = 12;
const BOTTOM = 34;
/** Colours there are; more series take them again, dashed. */
export const COLORS = 8;

/** Values to places on the figure. */
interface Axis {
  readonly ticks: readonly number[];
  readonly place: (value: number) => number;
}

/** The figure. */
export function curveFigure(section: CurveSection): Html {
  const drawn = curveDrawing(section);
  if (!drawn) return figure(section, markup`<p class="empty">No values yet.</p>`);
  const { body, data } = drawn;
  return figure(
    section,
    markup`
      <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" aria-hidden="true">${body}
      <line class="cursor" y1="${TOP}" y2="${HEIGHT - BOTTOM}"></line>
      </svg>
      ${section.series.length > 1 && legend(section.series.map(({ name }) => name))}
    `,
    JSON.stringify({ x: section.xLabel, series: data }),
  );
}

/** What stands in the figure's SVG, and its curves with their places; undefined where there are no values. */
export function curveDrawing(
  section: CurveSection,
): { readonly body: Html; readonly data: readonly object[] } | undefined {
  const curves = section.series.map(({ name, points }) => ({ name, ...drawnCurve(points) }));
  const all = curves.flatMap(({ points }) => points);
  if (all.length === 0) return undefined;
  const x = axis(all.map((point) => point.x), section.xScale, [LEFT, WIDTH - RIGHT], 5);
  const values = all.flatMap(({ y, error = 0 }) => [y - error, y + error]);
  const range = section.yRange ?? [];
  const y = axis([...values, ...range], section.yScale, [HEIGHT - BOTTOM, TOP], 5, 0.04);
  const data = curves.map(({ name, points, smooth }) => ({
    name,
    points: (smooth ?? points).map((point) => [
      ...[point.x, point.y].map((value) => Number(value.toPrecision(6))),
      ...[x.place(point.x), y.place(point.y)].map((place) => Number(place.toFixed(1))),
    ]),
  }));
  const body = markup`
      ${grid(x, y, section.xLabel)}${(section.marks ?? []).map((mark) => markLine(mark, x))}
      ${curves.map((curve, i) => lines(curve, i, x, y))}`;
  return { body, data };
}

function figure(section: CurveSection, body: Html, data?: string): Html {
  const { title, note, series } = section;
  const told = `${title}. ${series.map(summary).join(" ")}`;
  return markup`
    <figure class="curve"${data !== undefined && readable(told, data)}>
    <figcaption><h3>${title}</h3>${note !== undefined && markup`<p>${note}</p>`}</figcaption>${body}
    <output>${data !== undefined && lastValues(section)}</output></figure>
  `;
}

/** What makes a figure one to focus and to read values from. */
function readable(told: string, data: string): Html {
  return markup` tabindex="0" role="group" aria-label="${told} Arrow keys read values." data-curve="${data}"`;
}

function summary({ name, points }: CurveSection["series"][number]): string {
  const [first, last] = [points[0], points[points.length - 1]];
  if (!first) return `${name}: no values.`;
  return `${name}: from ${numberText(first.y)} to ${numberText(last.y)}.`;
}

/** What stands below before anybody asks: each curve's last value, and where it is if they do not end together. */
function lastValues({ series, xLabel }: CurveSection): string {
  const ends = series.flatMap(({ name, points }) => {
    const last = points.findLast(({ y }) => Number.isFinite(y));
    return last
      ? [{ x: last.x, text: `${series.length > 1 ? `${name} ` : ""}${numberText(last.y)}` }]
      : [];
  });
  const [first] = ends;
  if (ends.every(({ x }) => x === first.x)) {
    const x = first?.x ?? Math.max(...series.flatMap(({ points }) => points.at(-1)?.x ?? []));
    return `${xLabel} ${numberText(x)}: ${ends.map(({ text }) => text).join(", ")}`;
  }
  return ends.map(({ x, text }) => `${text} at ${xLabel} ${numberText(x)}`).join(", ");
}

function axis(
  values: readonly number[],
  scale: "linear" | "log" = "linear",
  [start, end]: readonly [number, number],
  wanted: number,
  margin = 0,
): Axis {
  const isLog = scale === "log" && values.some((value) => value > 0);
  const usable = isLog ? values.filter((value) => value > 0) : values;
  let low = usable.reduce((a, b) => Math.min(a, b), Infinity);
  let high = usable.reduce((a, b) => Math.max(a, b), -Infinity);
  if (low === high) {
    const half = isLog ? 1 : Math.abs(low) * 0.1 || 1;
    [low, high] = isLog ? [low / 2, high * 2] : [low - half, high + half];
  }
  const to = isLog ? Math.log : (value: number) => value;
  const space = (to(high) - to(low)) * margin;
  const [from, until] = [to(low) - space, to(high) + space];
  return {
    ticks: isLog ? logTicks(low, high, wanted) : linearTicks(low, high, wanted),
    place: (value) =>
      start + (end - start) * (isLog && value <= 0 ? 0 : (to(value) - from) / (until - from)),
  };
}

function grid(x: Axis, y: Axis, xLabel: string): Html {
  const bottom = HEIGHT - BOTTOM;
  const middle = (LEFT + WIDTH - RIGHT) / 2;
  return markup`
    ${y.ticks.map((value) => rowLine(value, y.place(value).toFixed(1)))}
    ${x.ticks.map((value) => textAt(numberText(value), x.place(value), bottom + 16))}
    <text class="label" x="${middle}" y="${HEIGHT - 3}" text-anchor="middle">${xLabel}</text>
  `;
}

function rowLine(value: number, place: string): Html {
  return markup`
    <line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${place}" y2="${place}"></line>
    <text x="${LEFT - 6}" y="${place}" dy="4" text-anchor="end">${numberText(value)}</text>
  `;
}

function textAt(text: string, x: number, y: number): Html {
  return markup`<text x="${x.toFixed(1)}" y="${y}" text-anchor="middle">${text}</text>`;
}

function markLine({ x: value, label }: { x: number; label: string }, x: Axis): Html {
  const place = x.place(value);
  if (!(place >= LEFT && place <= WIDTH - RIGHT)) return markup``;
  const isRight = place > (LEFT + WIDTH) / 2;
  const at = (place + (isRight ? -5 : 5)).toFixed(1);
  const end = isRight ? "end" : "start";
  const x1 = place.toFixed(1);
  return markup`
    <line class="mark" x1="${x1}" x2="${x1}" y1="${TOP}" y2="${HEIGHT - BOTTOM}"></line>
    <text class="mark" x="${at}" y="${TOP + 9}" text-anchor="${end}">${label}</text>
  `;
}

function lines({ points, smooth }: DrawnCurve, i: number, x: Axis, y: Axis): Html {
  const path = (list: readonly CurvePoint[]): string =>
    list.map((p) => `${x.place(p.x).toFixed(1)},${y.place(p.y).toFixed(1)}`).join(" ");
  const banded = points.some(({ error = 0 }) => error > 0)
    ? points.filter(({ error }) => error !== undefined)
    : [];
  const band = [
    ...banded.map((p) => ({ x: p.x, y: p.y + (p.error ?? 0) })),
    ...banded.toReversed().map((p) => ({ x: p.x, y: p.y - (p.error ?? 0) })),
  ];
  const isDashed = i >= COLORS;
  const dots = smooth ? [] : points;
  return markup`<g class="s${i % COLORS}${isDashed ? " dashed" : ""}">
    ${band.length > 2 && markup`<polygon class="band" points="${path(band)}"></polygon>`}
    ${smooth && markup`<polyline class="raw" points="${path(points)}"></polyline>`}
    <polyline points="${path(smooth ?? points)}"></polyline>
    ${dots.map((point) => dot(x.place(point.x), y.place(point.y)))}
  </g>`;
}

function dot(x: number, y: number): Html {
  return markup`<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="2.5"></circle>`;
}

/** Names with their colours. */
export function legend(names: readonly string[]): Html {
  return markup`<ul class="legend">${
    names.map((name, i) =>
      markup`<li class="s${i % COLORS}${i >= COLORS ? " dashed" : ""}"><i></i>${name}</li>`
    )
  }</ul>`;
}
