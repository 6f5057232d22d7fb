/** Cuts LaTeX at separators that stand outside of all brackets. Changes no text. */

const OPENING = "([{";
const CLOSING = ")]}";

/**
 * The parts between matches of the separator at depth 0, and those matches. `\{` and `\left(` count as brackets; half-open
 * intervals such as `[1,2)` close what they have opened. Brackets within `\begin...\end` are not looked at.
 */
export function splitLatex(
  latex: string,
  separator: RegExp,
): { readonly parts: readonly string[]; readonly separators: readonly string[] } {
  const sticky = new RegExp(separator.source, "y");
  const parts: string[] = [];
  const separators: string[] = [];
  let [depth, environments, start, at] = [0, 0, 0, 0];
  while (at < latex.length) {
    if (latex.startsWith("\\begin{", at)) environments++;
    if (latex.startsWith("\\end{", at)) environments--;
    sticky.lastIndex = at;
    const match = depth === 0 && environments === 0 ? sticky.exec(latex)?.[0] : undefined;
    if (match) {
      parts.push(latex.slice(start, at).trim());
      separators.push(match);
      start = at += match.length;
      continue;
    }
    if (OPENING.includes(latex[at])) depth++;
    else if (CLOSING.includes(latex[at])) depth--;
    else if (latex[at] === "\\" && !"{}".includes(latex[at + 1] ?? "")) {
      // A command is one piece, so that \le is not found in \left.
      at += /^\\(?:[A-Za-z]+|.)/.exec(latex.slice(at, at + 40))?.[0].length ?? 1;
      continue;
    }
    at++;
  }
  parts.push(latex.slice(start).trim());
  return { parts, separators };
}

/** End (exclusive) of the braces that open at `open`; undefined if they do not close. */
export function closingBrace(text: string, open: number): number | undefined {
  let depth = 0;
  for (let at = open; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === "{") depth++;
    else if (text[at] === "}" && --depth === 0) return at + 1;
  }
  return undefined;
}
