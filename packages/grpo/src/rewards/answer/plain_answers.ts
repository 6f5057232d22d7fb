/** Numbers and sums written in prose, as LaTeX: 1,234.5, 1000,99, 3/4, 12 %. Looks for no formulas and no tags. */

/** A piece of the text, `end` exclusive, and what it says in LaTeX. */
export interface Span {
  readonly start: number;
  readonly end: number;
  readonly latex: string;
}

const PREFIX = /(?<=^|[\s=(:*>])[$€£¥₹]?/;
const NUMBER = /-?[1-9]\d{0,2}(?:[ ,]\d{3})+(?:\.\d+)?(?!\d)|-?\d+[.,]\d+|-?\.\d+|-?\d+/;
const PERCENT = /\s*(?:%|percent\b|percentage\b|pct\b)/;
/** A calculation begins with a digit and holds at least one operator. */
const CALCULATION = /-?\(?-?\d[\d.\s+\-*×/^()÷]{0,80}[\d)]/;

const NUMBERS = new RegExp(`${PREFIX.source}(${NUMBER.source})(${PERCENT.source})?`, "gi");
const CALCULATIONS = new RegExp(
  `(?<=^|[\\s=:*>])(${CALCULATION.source})(?=[.,:;)\\s*$<]|$)`,
  "g",
);

/** Numbers and calculations of the text, in order of their kind. Digits inside of words are none. */
export function plainMatches(text: string): readonly Span[] {
  const numbers = [...text.matchAll(NUMBERS)].map((match) => ({
    start: match.index,
    end: match.index + match[0].length,
    latex: numberLatex(match[1]) + (match[2] ? "\\%" : ""),
  }));
  const calculations = [...text.matchAll(CALCULATIONS)]
    .filter(([, found]) => /\d[\s)]*[+\-*×/^÷]/.test(found))
    .map((match) => ({
      start: match.index,
      end: match.index + match[0].length,
      latex: match[1].replace(/\s+/g, " ").replace(/\*/g, "\\cdot "),
    }));
  return [...numbers, ...calculations];
}

/** LaTeX of a text that is one number and nothing else, such as 0,5. */
export function plainNumber(text: string): string | undefined {
  return new RegExp(`^(?:${NUMBER.source})$`).test(text) ? numberLatex(text) : undefined;
}

function numberLatex(number: string): string {
  if (/^-?[1-9]\d{0,2}(?:[ ,]\d{3})+(?:\.\d+)?$/.test(number)) return number.replace(/[ ,]/g, "");
  return number.replace(",", ".");
}
