/** Sections to one HTML file that needs no network: style, script and data inside, everything escaped. Chooses no section. */
import { curveFigure } from "./curve_figure.ts";
import { Html, markup } from "./html.ts";
import { PAGE_SCRIPT } from "./page_script.ts";
import { PAGE_STYLE } from "./page_style.ts";
import { barsFigure, tablePart, textPart } from "./plain_parts.ts";
import { sampleBrowser } from "./sample_browser.ts";
import type { BarsSection, CurveSection, Section } from "./sections.ts";

/** What stands around the sections. */
export interface ReportOptions {
  readonly title: string;
  /** One line below it. */
  readonly lead?: string;
  /** At the end: what made the report, and how to make it again. */
  readonly footer?: string;
}

/** What the page may do: nothing but draw itself. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'";

/**
 * A whole page. Neighbouring curves and bars stand side by side; it reads without a script, in light and dark, on a phone and
 * by keyboard.
 *
 * @example
 * ```ts
 * import { htmlReport } from "@aha/grpo";
 *
 * const points = [0, 1, 2, 3].map((x) => ({ x, y: 1 - 0.5 ** x }));
 * const page = htmlReport([
 *   { kind: "curve", title: "Reward", xLabel: "step", series: [{ name: "sums", points }] },
 *   { kind: "table", title: "Stages", columns: ["stage", "accuracy"], rows: [["Zero", 0.97]] },
 * ], { title: "A run" });
 * console.log(page.startsWith("<!doctype html>")); // true
 * ```
 */
export function htmlReport(sections: readonly Section[], options: ReportOptions): string {
  const { title, lead, footer } = options;
  const titles = sections.filter((section) => !isFigure(section)).map(({ title }) => title);
  const page = markup`
    <!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta http-equiv="Content-Security-Policy" content="${POLICY}">
        <meta name="color-scheme" content="light dark">
        <title>${title}</title>
        <style>${new Html(PAGE_STYLE)}</style>
      </head>
      <body>
        <main>
    <header><h1>${title}</h1>${
    lead !== undefined &&
    markup`<p class="lead">${lead}</p>`
  }${
    titles.length > 1 &&
    markup`<nav aria-label="Sections">${
      titles.map((name, i) => markup`<a href="#section-${i}">${name}</a>`)
    }</nav>`
  }</header>
    ${parts(sections)}
    ${footer !== undefined && markup`<footer>${footer}</footer>`}
        </main>
        <script>${new Html(PAGE_SCRIPT)}</script>
      </body>
    </html>
  `;
  return page.text.trimStart();
}

type Figure = CurveSection | BarsSection;

function isFigure(section: Section): section is Figure {
  return section.kind === "curve" || section.kind === "bars";
}

/** Sections in order, runs of figures in a grid. */
function parts(sections: readonly Section[]): Html[] {
  const made: Html[] = [];
  let figures: Figure[] = [];
  let titled = 0;
  const endGrid = (): void => {
    if (figures.length > 0) made.push(markup`<div class="grid">${figures.map(figure)}</div>\n`);
    figures = [];
  };
  for (const section of sections) {
    if (isFigure(section)) {
      figures.push(section);
      continue;
    }
    endGrid();
    const { title, note } = section;
    made.push(
      markup`<section><h2 id="section-${titled++}">${title}</h2>${
        note !== undefined && markup`<p class="note">${note}</p>`
      }${body(section)}</section>\n`,
    );
  }
  endGrid();
  return made;
}

function figure(section: Figure): Html {
  return section.kind === "curve" ? curveFigure(section) : barsFigure(section);
}

function body(section: Exclude<Section, Figure>): Html {
  if (section.kind === "table") return tablePart(section);
  return section.kind === "samples" ? sampleBrowser(section) : textPart(section);
}
