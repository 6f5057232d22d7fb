/** Takes from an answer's LaTeX what does not change its value: layout, units, currency, words behind it. Parses nothing. */

/** An answer's formula alone. */
export interface CleanLatex {
  readonly latex: string;
  /** A percent sign, or the word, stood at its end. */
  readonly isPercent: boolean;
}

type Rule = readonly [pattern: RegExp, replacement: string];

const LAYOUT: readonly Rule[] = [
  [/\\(?:displaystyle|textstyle|limits|nolimits|boldsymbol|mathstrut)(?![A-Za-z])/g, ""],
  [/\\(?:left|right|big|Big|bigg|Bigg)[lr]?(?![A-Za-z])\.?/g, ""],
  [/\\[dtc]frac(?![A-Za-z])/g, "\\frac"],
  [/\\dbinom(?![A-Za-z])|\\tbinom(?![A-Za-z])/g, "\\binom"],
  [/(\d)\s*\{\s*,\s*\}\s*(?=\d{3}(?!\d))/g, "$1"],
  [/(\d),\\[!,;: ]\s*(?=\d{3}(?!\d))/g, "$1"],
  [/\\begin\{array\}\s*\{[^{}]*\}/g, "\\begin{pmatrix}"],
  [/(?:\\\\\s*)?\\end\{array\}/g, "\\end{pmatrix}"],
  [/\\\\\s*(?=\\end\{)/g, ""],
  [/\\textnormal(?![A-Za-z])/g, "\\text"],
  [/(\d)\{,\}(?=\d)/g, "$1."],
  [/(\d)\\[,;:! ](?=\d{3}(?!\d))/g, "$1"],
  [/\\(?:[,;:! ]|quad|qquad|enspace|thinspace)(?![A-Za-z])|~|\\hspace\{[^{}]*\}/g, " "],
  [/\\lbrace(?![A-Za-z])/g, "\\{"],
  [/\\rbrace(?![A-Za-z])/g, "\\}"],
  [/\\(?:cdotp|ast)(?![A-Za-z])/g, "\\cdot "],
  [/\\(?:ge|geqslant|geq)(?![A-Za-z])/g, "\\ge "],
  [/\\(?:le|leqslant|leq)(?![A-Za-z])/g, "\\le "],
  [/\\(?:neq|ne)(?![A-Za-z])/g, "\\ne "],
  [/>=/g, "\\ge "],
  [/<=/g, "\\le "],
  [/!=/g, "\\ne "],
  [/\\(?:gt)(?![A-Za-z])/g, ">"],
  [/\\(?:lt)(?![A-Za-z])/g, "<"],
  [/\\degree(?![A-Za-z])/g, "^\\circ "],
  [/(?<!\\)&(?=\s*[=<>])/g, ""],
];

const UNICODE: readonly Rule[] = [
  [/[−–]/g, "-"],
  [/×/g, "\\times "],
  [/[·⋅]/g, "\\cdot "],
  [/÷/g, "\\div "],
  [/π/g, "\\pi "],
  [/∞/g, "\\infty "],
  [/≤/g, "\\le "],
  [/≥/g, "\\ge "],
  [/≠/g, "\\ne "],
  [/∪/g, "\\cup "],
  [/∈/g, "\\in "],
  [/∅/g, "\\emptyset "],
  [/±/g, "\\pm "],
  [/°/g, "^\\circ "],
  [/√(\d+|[A-Za-z])/g, "\\sqrt{$1}"],
  [/√\(([^()]*)\)/g, "\\sqrt{$1}"],
  [/²/g, "^2"],
  [/³/g, "^3"],
];

/** Words between answers. */
const CONNECTIVES: Rule = [
  /,?\s*(?:\\(?:text|textrm|mathrm|mbox)\s*\{\s*,?\s*(?:and|or|und|oder)\s*\}|\\(?:lor|vee)(?![A-Za-z])|(?<![A-Za-z])(?:and|or)(?=[\s\\\d(-]))\s*/g,
  ", ",
];

const CURRENCY = /\\\$|\\(?:pounds|euro|yen)(?![A-Za-z])|[$€£¥₹]|\\text\{\s*[$€£¥₹]\s*\}/g;

/** Units of one letter stand only in \text or \mathrm: a bare m may be a variable. */
const UNITS = [
  "mm|cm|dm|km|nm|ml|kg|mg|lbs?|oz|mph|kph|km/h|m/s|cents?|dollars?|euros?|pounds?|percent|inch(?:es)?|feet|foot|ft",
  "yards?|miles?|met(?:er|re)s?|kilomet(?:er|re)s?|centimet(?:er|re)s?|lit(?:er|re)s?|grams?|kilograms?|tons?",
  "seconds?|secs?|minutes?|mins?|hours?|hrs?|days?|weeks?|months?|years?|degrees?|units?|points?|people|times",
].join("|");
const BARE_UNIT = new RegExp(
  `(?<=[\\d}).\\s])\\s*(?:(?:square|cubic|sq\\.?)\\s+)?(?:${UNITS})(?:\\s*\\^\\s*\\{?[23]\\}?)?[.]?$`,
  "i",
);
const WORDS_BEHIND = new RegExp(
  "(?<=[^\\s\\\\{(])\\s*\\\\(?:text|textrm|textbf|textit|mathrm|mathit|mbox|operatorname)\\s*\\{[^{}]*\\}" +
    "(?:\\s*\\^\\s*(?:\\{[23]\\}|[23])|\\s*/\\s*\\\\(?:text|mathrm)\\{[^{}]*\\})?\\s*\\.?$",
);
const PERCENT =
  /\s*(?:\\?%|\\text\{\s*(?:%|\\%|percent|pct)\s*\}|\b(?:percent|percentage|pct)\b)\.?\s*$/i;
const THOUSANDS = /^(-?)([1-9]\d{0,2}(?:,\d{3})+|[1-9]\d{0,2}(?: \d{3})+)(\.\d+)?$/;

/** The formula without layout, units and currency; a thousand is written without separators. */
export function cleanLatex(source: string): CleanLatex {
  let latex = replaceAll(source.trim(), [...LAYOUT, ...UNICODE, CONNECTIVES]).replace(CURRENCY, "");
  latex = latex.replace(/\*\*/g, "").replace(/^[\s,;:]+|[\s.,;:]+$/g, "");
  const withoutPercent = latex.replace(PERCENT, "");
  const isPercent = withoutPercent !== latex;
  latex = withoutWordsBehind(withoutPercent);
  if (!/\\(?:sin|cos|tan|cot|sec|csc)/.test(latex)) {
    latex = latex.replace(/\s*\^\s*(?:\\circ|\{\s*\\circ\s*\})\s*$/, "");
  }
  latex = latex.replace(
    /\\(?:mathrm|text|mathbf|mathit|textbf)\{\s*([A-Za-z]|[-+]?[\d.,/]+)\s*\}/g,
    "$1",
  );
  latex = withoutApproximation(latex);
  latex = latex.replace(
    THOUSANDS,
    (_, sign, whole, decimals = "") => sign + whole.replace(/[, ]/g, "") + decimals,
  );
  return { latex: latex.trim(), isPercent };
}

function replaceAll(text: string, rules: readonly Rule[]): string {
  return rules.reduce(
    (result, [pattern, replacement]) => result.replace(pattern, replacement),
    text,
  );
}

/** `x = 1/3 \approx 0.33` says 1/3, `x \approx 11` says 11. */
function withoutApproximation(latex: string): string {
  const [first, ...rest] = latex.split(/\\(?:approx|simeq)(?![A-Za-z])/);
  return first.includes("=") ? first : [first, ...rest].join("=");
}

function withoutWordsBehind(latex: string): string {
  const shorter = latex.replace(WORDS_BEHIND, "").replace(BARE_UNIT, "").trim();
  // What is nothing but words is the answer itself.
  return shorter === "" ? latex : shorter;
}
