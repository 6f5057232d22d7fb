/** Finds where a text gives its answer: answer tags, boxes, formulas, numbers, in this order and the last of a kind. Reads no mathematics. */
import { plainMatches, type Span } from "./plain_answers.ts";
import { closingBrace } from "./split_latex.ts";

/** Where answers may stand: anywhere, or only in LaTeX (TRL's rule: a box, or a formula that is announced as the answer). */
export type AnswerPlaces = "any" | "latex";

/** Answers stand at the end; of longer texts only the end is looked at. */
const MAX_TEXT = 20_000;
const MAX_BOXES = 8;
/** Letters between the word "answer" and the answer. */
const MAX_ANCHOR_GAP = 50;
/** And the result of a calculation that it announces. */
const MAX_RESULT_GAP = 100;
const MAX_ANCHORS = 16;

/**
 * LaTeX of what may be the answer, the likeliest first: `<answer>`, `\boxed` (several are a list), `####`, what is announced
 * by "answer", the last formula, the last number. Empty where nothing is found.
 */
export function extractAnswers(text: string, places: AnswerPlaces = "any"): readonly string[] {
  const end = text.slice(-MAX_TEXT);
  const tagged = lastTagged(end);
  if (tagged !== undefined) {
    const inside = extractAnswers(tagged, places);
    return places === "any" ? [...inside, tagged.trim()] : inside;
  }
  const boxes = boxedAnswers(end);
  if (boxes) return [boxes];
  const formulas = formulaSpans(end);
  const spans = places === "any" ? [...formulas, ...plainMatches(end)] : formulas;
  const announced = announcedSpan(end, spans);
  const found = announced ? [announced.latex] : [];
  if (places === "latex") return found;
  const marked = /####\s*([^\n]+)\s*$/.exec(end)?.[1];
  const last = lastOf(spans);
  if (formulas.length === 0 && !isProse(end) && /\\[A-Za-z]/.test(end)) return [end.trim()];
  return [...(marked ? [marked] : []), ...found, ...(last ? [joined(end, last, formulas)] : [])];
}

/** Several words that no command holds together. */
export function isProse(text: string): boolean {
  return /[A-Za-z]{2,}\s+[A-Za-z]{2,}/.test(text.replace(/\\[A-Za-z]+(?:\{[^{}]*\})?/g, ""));
}

function lastTagged(text: string): string | undefined {
  const close = text.lastIndexOf("</answer>");
  const open = close < 0 ? -1 : text.lastIndexOf("<answer>", close);
  return open < 0 ? undefined : text.slice(open + "<answer>".length, close);
}

/** Ends last, and of those begins first. */
function lastOf(spans: readonly Span[]): Span | undefined {
  return spans.reduce<Span | undefined>(
    (best, span) =>
      !best || span.end > best.end || (span.end === best.end && span.start < best.start)
        ? span
        : best,
    undefined,
  );
}

/** The span that the last "answer" announces: the result of a calculation that follows, what "is" comes before, or what follows next. */
function announcedSpan(text: string, spans: readonly Span[]): Span | undefined {
  const ordered = spans.toSorted((a, b) => a.start - b.start || b.end - a.end);
  const words = [...text.matchAll(/answer/gi)].slice(-MAX_ANCHORS).reverse();
  for (const { index, 0: { length } } of words) {
    const from = index + length;
    const behind = ordered.filter(({ start }) => start >= from && start <= from + MAX_RESULT_GAP);
    const [next] = behind;
    if (!next || next.start > from + MAX_ANCHOR_GAP) continue;
    const before = (span: Span) => text.slice(from, span.start);
    const result = behind.findLast((span) =>
      /=\s*[$€£]?$/.test(before(span)) && !/[.!?]\s|\n/.test(before(span)) &&
      !/^\s*=/.test(text.slice(span.end, span.end + 8))
    );
    const told = behind.find((span) => /(?:\bis|\bbe|\bequals|\bto)\s*:?\s*$/.test(before(span)));
    return result ?? told ?? next;
  }
  return undefined;
}

/** All boxes; those in formulas and those outside. Equal ones count once. */
function boxedAnswers(text: string): string | undefined {
  const found: string[] = [];
  let from = text.length;
  while (found.length < MAX_BOXES) {
    const at = text.lastIndexOf("\\boxed", from);
    if (at < 0) break;
    from = at - 1;
    const open = /^\\boxed\s*\{/.exec(text.slice(at, at + 20));
    const end = open ? closingBrace(text, at + open[0].length - 1) : undefined;
    if (open && end) found.unshift(text.slice(at + open[0].length, end - 1).trim());
    if (from < 0) break;
  }
  const distinct = [...new Set(found)].filter((box) => box !== "");
  return distinct.length > 0 ? distinct.join(", ") : undefined;
}

const FORMULAS: readonly RegExp[] = [
  /(?<!\\)\$\$((?:[^$\\]|\\[^])+?)\$\$/g,
  /\\\[((?:[^\\]|\\[^\]])+?)\\\]/g,
  /(?<![\\$\d])\$((?:[^$\n\\]|\\[^\n])+?)\$(?!\$)/g,
  /\\\(((?:[^\\\n]|\\[^)\n])+?)\\\)/g,
];

function formulaSpans(text: string): readonly Span[] {
  return FORMULAS.flatMap((pattern) =>
    [...text.matchAll(pattern)].map((match) => ({
      start: match.index,
      end: match.index + match[0].length + percentLength(text, match.index + match[0].length),
      latex: match[1] + (percentLength(text, match.index + match[0].length) > 0 ? "\\%" : ""),
    }))
  );
}

function percentLength(text: string, at: number): number {
  return /^\s*(?:\\?%|percent\b)/i.exec(text.slice(at, at + 12))?.[0].length ?? 0;
}

/** `$1$ and $2$` are one answer. */
function joined(text: string, last: Span, formulas: readonly Span[]): string {
  const before = formulas.find(({ end }) =>
    end < last.start && /^\s*(?:,|,?\s*(?:and|or))\s*$/.test(text.slice(end, last.start))
  );
  const isFormula = formulas.includes(last);
  return before && isFormula ? `${joined(text, before, formulas)}, ${last.latex}` : last.latex;
}
