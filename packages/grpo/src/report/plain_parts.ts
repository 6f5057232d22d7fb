/** Bars, tables and paragraphs of a report. Draws no curve. */
import { COLORS, legend } from "./curve_figure.ts";
import { type Html, markup } from "./html.ts";
import { numberText } from "./number_text.ts";
import type { BarsSection, Cell, TableSection, TextSection } from "./sections.ts";

/** Bars, as a list that reads without seeing them. */
export function barsFigure({ title, note, names = [], rows, reference }: BarsSection): Html {
  const values = rows.flatMap((row) => row.values).filter(Number.isFinite);
  const most = Math.max(...values.map(Math.abs), reference?.value ?? 0, Number.MIN_VALUE);
  const share = (value: number): string =>
    `${(100 * Math.min(1, Math.abs(value) / most) || 0).toFixed(1)}%`;
  const line = reference &&
    markup`<i class="reference" style="left:${share(reference.value)}"></i>`;
  const bar = (value: number, i: number): Html =>
    markup`
      <dd class="s${i % COLORS}">
        <span class="track"><i style="width:${share(value)}"></i>${line}</span>
        <b>${numberText(value)}</b>
      </dd>`;
  return markup`
    <figure class="bars">
    <figcaption><h3>${title}</h3>${note !== undefined && markup`<p>${note}</p>`}</figcaption>
    <dl>${
    rows.map((row) =>
      markup`
      <div><dt>${row.label}</dt>${row.values.map(bar)}</div>`
    )
  }
    </dl>
    ${names.length > 1 && legend(names)}
    ${reference && referenceKey(reference)}
    </figure>
  `;
}

function referenceKey({ label, value }: { readonly label: string; readonly value: number }): Html {
  return markup`<p class="key"><i class="reference"></i>${label}: ${numberText(value)}</p>`;
}

/** Characters of a cell above which it is broken into lines. */
const LONG_CELL = 30;

/** A table that scrolls sideways where it is too wide. */
export function tablePart({ columns, rows }: TableSection): Html {
  const isNumeric = columns.map((_, i) =>
    i > 0 && rows.some((row) => typeof row[i] === "number") &&
    rows.every((row) => typeof row[i] !== "string")
  );
  const side = (i: number): Html | false => isNumeric[i] && markup` class="number"`;
  const kind = (cell: Cell, i: number): Html | false =>
    typeof cell === "string" && cell.length > LONG_CELL ? markup` class="long"` : side(i);
  const cells = (row: readonly Cell[]): Html[] =>
    row.map((cell, i) =>
      i === 0
        ? markup`<th scope="row">${cellText(cell)}</th>`
        : markup`<td${kind(cell, i)}>${cellText(cell)}</td>`
    );
  return markup`
    <div class="scroll" tabindex="0" role="region" aria-label="Table"><table>
    <thead><tr>${
    columns.map((name, i) => markup`<th scope="col"${side(i)}>${name}</th>`)
  }</tr></thead>
    <tbody>${
    rows.map((row) =>
      markup`
      <tr>${cells(row)}</tr>`
    )
  }
    </tbody>
    </table></div>
  `;
}

function cellText(cell: Cell): string {
  if (cell === null) return "–";
  return typeof cell === "number" ? numberText(cell) : cell;
}

/** Paragraphs. */
export function textPart({ paragraphs, tone }: TextSection): Html {
  const kind = tone === "warning" ? "text warning" : "text";
  return markup`<div class="${kind}">${paragraphs.map((text) => markup`<p>${text}</p>`)}</div>`;
}
