/** Rows of cells as a Markdown table with even columns. Knows no figures. */

/** The table as text, without a line end at its end. */
export function textTable(heads: readonly string[], lines: readonly (readonly string[])[]): string {
  const widths = heads.map((head, i) =>
    Math.max(head.length, ...lines.map((cells) => cells[i].length))
  );
  const text = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i])).join(" | ")} |`;
  return [heads, widths.map((width) => "-".repeat(width)), ...lines].map(text).join("\n");
}
