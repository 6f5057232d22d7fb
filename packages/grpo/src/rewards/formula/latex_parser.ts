/** LaTeX to expressions by @cortex-js/compute-engine's parser, which is loaded when first needed. Bounds what it is given; evaluates nothing. */
import { call, type Expression } from "../formula/expression.ts";

/** The expression that a LaTeX formula writes, undefined if it cannot be read. */
export type LatexParser = (latex: string) => Expression | undefined;

const MAX_LENGTH = 500;
/** The parser tries several meanings of these, which doubles its time with each level. */
const MAX_SQUARE_BRACKETS = 12;
const MAX_BARS = 12;

/** What the library gives: MathJSON, numbers and names bare or in objects. */
type MathJson =
  | number
  | string
  | readonly MathJson[]
  | { readonly num: string }
  | { readonly sym: string }
  | { readonly fn: readonly MathJson[] }
  | { readonly str: string };

let loading: Promise<LatexParser> | undefined;

/** Loads the parser, once in a program (about 0.1 s, 0.4 MB). */
export function loadLatexParser(): Promise<LatexParser> {
  loading ??= load();
  return loading;
}

async function load(): Promise<LatexParser> {
  const { LatexSyntax } = await import("@cortex-js/compute-engine/latex-syntax");
  const syntax = new LatexSyntax();
  return (latex) => {
    if (latex.length > MAX_LENGTH || count(latex, "[") > MAX_SQUARE_BRACKETS) return undefined;
    if (count(latex, "|") + count(latex, "vert") > MAX_BARS) return undefined;
    return toExpression(syntax.parse(latex) as MathJson);
  };
}

function count(text: string, part: string): number {
  return text.split(part).length - 1;
}

function toExpression(node: MathJson): Expression | undefined {
  if (typeof node === "number") return { kind: "number", literal: String(node) };
  if (typeof node === "string") {
    return node.startsWith("'") ? undefined : { kind: "symbol", name: node };
  }
  if (Array.isArray(node)) return toCall(node);
  if ("num" in node) return { kind: "number", literal: node.num };
  if ("sym" in node) return { kind: "symbol", name: node.sym };
  return "fn" in node ? toCall(node.fn) : undefined;
}

function toCall([operator, ...rest]: readonly MathJson[]): Expression | undefined {
  if (typeof operator !== "string" || operator === "Error" || operator === "__unit__") {
    return undefined;
  }
  // The further operands of these say how they are written.
  const children = operator === "Delimiter" || operator === "Matrix" ? rest.slice(0, 1) : rest;
  const operands: Expression[] = [];
  for (const child of children) {
    const operand = toExpression(child);
    if (!operand) return undefined;
    operands.push(operand);
  }
  if (operator === "Delimiter") return operands[0];
  return operator === "InvisibleOperator" ? juxtaposed(operands) : call(operator, ...operands);
}

/** What stands side by side: a product, but a whole number before a fraction of whole numbers is a mixed number. */
function juxtaposed(operands: readonly Expression[]): Expression {
  const [first, second] = operands;
  const isWhole = (operand: Expression) =>
    operand.kind === "number" && /^\d+$/.test(operand.literal);
  const isMixed = operands.length === 2 && isWhole(first) && second.kind === "call" &&
    second.operator === "Divide" && second.operands.every(isWhole);
  return call(isMixed ? "Add" : "Multiply", ...operands);
}
