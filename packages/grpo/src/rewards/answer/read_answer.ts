/** Reads an answer's LaTeX: cuts sets, tuples, intervals and relations apart and gives formulas to the parser. Compares nothing. */
import type { Answer, RelationOperator } from "./answer.ts";
import { cleanLatex } from "./clean_latex.ts";
import type { Expression } from "../formula/expression.ts";
import { parseLatex } from "../formula/parse_latex.ts";
import { closingBrace, splitLatex } from "./split_latex.ts";

/** Longer answers are words. */
const MAX_LENGTH = 2000;
const MAX_DEPTH = 6;
const MAX_ITEMS = 64;

const RELATION = /\\le(?![A-Za-z])|\\ge(?![A-Za-z])|\\ne(?![A-Za-z])|[<>=]/;
const WHOLE_TEXT = /^\\(?:text|textbf|textit|textrm|mathrm|mbox|operatorname)\s*\{([^{}]*)\}$/;
const EMPTY_SET = /^(?:\\emptyset|\\varnothing|\\\{\s*\\\})$/;

/** The answer that the LaTeX writes; words where it is no formula. */
export function readAnswer(source: string, depth = 0): Answer {
  if (source.length > MAX_LENGTH) return { kind: "text", source };
  const { latex, isPercent } = cleanLatex(source);
  if (depth > MAX_DEPTH) return { kind: "text", source: latex };
  if (/\\(?:pm|mp)(?![A-Za-z])/.test(latex)) {
    const read = (plus: string, minus: string) =>
      readAnswer(
        latex.replace(/\\pm(?![A-Za-z])/g, plus).replace(/\\mp(?![A-Za-z])/g, minus),
        depth + 1,
      );
    return { kind: "list", items: [read("+", "-"), read("-", "+")] };
  }
  const within = (part: string) => readAnswer(part, depth + 1);
  return readStructure(latex, within) ?? readMatrix(latex) ??
    readValue(latex, isPercent);
}

type Read = (part: string) => Answer;

function readStructure(latex: string, read: Read): Answer | undefined {
  if (EMPTY_SET.test(latex)) return { kind: "set", items: [] };
  const text = WHOLE_TEXT.exec(latex)?.[1].trim();
  if (text !== undefined) return /^[-\d(]/.test(text) ? undefined : { kind: "text", source: text };
  if (latex.startsWith("{") && closingBrace(latex, 0) === latex.length) {
    return read(latex.slice(1, -1));
  }
  const items = splitLatex(latex, /[,;]/).parts;
  if (items.length > 1 && items.length <= MAX_ITEMS && !items.includes("")) {
    return { kind: "list", items: items.map(read) };
  }
  const [element, set] = splitLatex(latex, /\\in(?![A-Za-z])/).parts;
  if (set && /^\\?\w+$/.test(element)) return read(set);
  const relation = readRelation(latex, read);
  if (relation) return relation;
  const parts = splitLatex(latex, /\\cup(?![A-Za-z])/).parts;
  if (parts.length > 1) return { kind: "union", parts: parts.map(read) };
  return readBrackets(latex, read);
}

function readRelation(latex: string, read: Read): Answer | undefined {
  const { parts, separators } = splitLatex(latex, RELATION);
  if (parts.length < 2 || parts.length > MAX_ITEMS || parts.includes("")) return undefined;
  const words = separators.map((word) => word.replace("\\ge", ">=").replace("\\le", "<="));
  const sides = parts.map(read);
  const isGreater = words.some((word) => word.startsWith(">"));
  if (isGreater && words.some((word) => word.startsWith("<"))) return undefined;
  const operators = words.map((word): RelationOperator =>
    word === "=" ? "=" : word === "\\ne" ? "!=" : word.endsWith("=") ? "<=" : "<"
  );
  return isGreater
    ? { kind: "relation", sides: sides.reverse(), operators: operators.reverse() }
    : { kind: "relation", sides, operators };
}

/** Sets, tuples and intervals: brackets around all of it, with commas inside. */
function readBrackets(latex: string, read: Read): Answer | undefined {
  const match = /^(\\\{|\\langle|[(\[\]])(.*?)(\\\}|\\rangle|[)\[\]])$/s.exec(latex);
  if (!match) return undefined;
  const [, open, inner, close] = match;
  const items = splitLatex(inner, /[,;]/).parts;
  if (items.length > MAX_ITEMS || items.includes("")) return undefined;
  if (open === "\\{" && close === "\\}") return { kind: "set", items: items.map(read) };
  if (items.length < 2 || !isClosedInside(inner)) return undefined;
  const isPlain = (open === "(" && close === ")") || (open === "\\langle" && close === "\\rangle");
  if (isPlain || items.length > 2) return { kind: "tuple", items: items.map(read) };
  const [low, high] = items.map(read);
  const [isLowOpen, isHighOpen] = [open === "(" || open === "]", close === ")" || close === "["];
  return { kind: "interval", low, high, isLowOpen, isHighOpen };
}

/** Whether the first bracket is closed by the last, as in (1, 2), but not in (1)(2). */
function isClosedInside(inner: string): boolean {
  let depth = 0;
  for (const letter of inner) {
    if ("([{".includes(letter)) depth++;
    if (")]}".includes(letter) && --depth < 0) return false;
  }
  return depth === 0;
}

function readMatrix(latex: string): Answer | undefined {
  if (!latex.includes("\\begin{")) return undefined;
  const expression = parseLatex(latex.replace(/^[[(]\s*(?=\\begin)|(?<=\})\s*[\])]$/g, ""));
  if (expression?.kind !== "call" || expression.operator !== "Matrix") return undefined;
  const [list] = expression.operands;
  const cells = (row: Expression) => row.kind === "call" ? row.operands : [row];
  return { kind: "matrix", rows: cells(list).map(cells) };
}

function readValue(latex: string, isPercent: boolean): Answer {
  const plain = WHOLE_TEXT.exec(latex)?.[1] ?? latex;
  const expression = parseLatex(plain);
  return expression
    ? { kind: "value", expression, isPercent, source: plain }
    : { kind: "text", source: plain };
}
