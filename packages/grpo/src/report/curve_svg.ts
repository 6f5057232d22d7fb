/** A curve as an SVG file of its own, for pages that show pictures only, such as a README. Draws no axis and no curve itself. */
import { COLORS, curveDrawing, HEIGHT, WIDTH } from "./curve_figure.ts";
import { markup } from "./html.ts";
import { CURVE_STYLE, THEME_STYLE } from "./page_style.ts";
import type { CurveSection } from "./sections.ts";

const HEAD = 24;
const LEGEND = 22;
/** Width of a letter of the legend, about. */
const LETTER = 5.8;
const DASH = 18;

/**
 * The figure with its title above and the names of its curves below, light or dark as the reader has it.
 * @throws {RangeError} where there are no values
 */
export function curveSvg(section: CurveSection): string {
  const drawn = curveDrawing(section);
  if (!drawn) throw new RangeError(`${section.title} has no values to draw`);
  const height = HEAD + HEIGHT + LEGEND;
  let x = 12;
  const names = section.series.map(({ name }, i) => {
    const at = x;
    x += DASH + LETTER * name.length + 10;
    const style = `s${i % COLORS}${i >= COLORS ? " dashed" : ""}`;
    return markup`<g class="${style}"><polyline points="${at},-4 ${at + DASH - 5},-4"></polyline>
      <text x="${at + DASH}">${name}</text></g>`;
  });
  return markup`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${section.title}">
    <style>${THEME_STYLE}${CURVE_STYLE}svg{background:var(--card);font-family:system-ui,sans-serif}svg .title{font-size:12px;fill:var(--ink)}</style>
    <text class="title" x="12" y="17">${section.title}</text>
    <g transform="translate(0 ${HEAD})">${drawn.body}</g>
    <g transform="translate(0 ${HEAD + HEIGHT + 12})">${names}</g>
    </svg>
`.text;
}
