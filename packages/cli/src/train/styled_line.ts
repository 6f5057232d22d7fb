/** Lines of styled pieces, cut to the columns of a terminal. Writes nothing. */
import stringWidth from "string-width";

/** How a piece looks. */
export type Style = "plain" | "bold" | "dim" | "warning";

/** A piece of a line. */
export type Piece = string | readonly [text: string, style: Style];

/** Gives text the look of a style, or leaves it as it is. */
export type Paint = (text: string, style: Style) => string;

const CODES: Readonly<Record<Style, readonly [on: string, off: string]>> = {
  plain: ["", ""],
  bold: ["\x1b[1m", "\x1b[22m"],
  dim: ["\x1b[2m", "\x1b[22m"],
  warning: ["\x1b[33m", "\x1b[39m"],
};

/** No style at all: NO_COLOR is set, or nobody sees it. */
export const unpainted: Paint = (text) => text;

/** Styles by the terminal's codes. */
export const painted: Paint = (text, style) => {
  const [on, off] = CODES[style];
  return text === "" ? "" : on + text + off;
};

/** A line of at most `columns` columns, on one row whatever its pieces hold; what is too long ends with an ellipsis. */
export function styledLine(pieces: readonly Piece[], columns: number, paint: Paint): string {
  let left = columns;
  return pieces.map((piece) => {
    const [text, style] = typeof piece === "string" ? [piece, "plain"] as const : piece;
    if (left <= 0) return "";
    const part = cutTo(onOneRow(text), left);
    left -= columnsOf(part);
    return paint(part, style);
  }).join("");
}

/** Columns that a text takes on a terminal; codes of styles take none. */
export function columnsOf(text: string): number {
  return stringWidth(text);
}

const GRAPHEMES = new Intl.Segmenter("en", { granularity: "grapheme" });

/** Line breaks become spaces, other controls and marks of writing direction go. */
function onOneRow(text: string): string {
  return text.replace(/[\t-\r\u2028\u2029]+/g, " ").replace(
    /[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu,
    "",
  );
}

/** The beginning of a text that takes at most `columns` columns. */
export function cutTo(text: string, columns: number): string {
  if (text.length <= columns && /^[\x20-\x7e]*$/.test(text) || columnsOf(text) <= columns) {
    return text;
  }
  let kept = "";
  let width = 0;
  for (const { segment } of GRAPHEMES.segment(text)) {
    width += columnsOf(segment);
    if (width > columns - 1) break;
    kept += segment;
  }
  return `${kept}…`;
}
