/** Mathematical expressions as trees. Types and a walk over symbols; evaluates nothing. */

/** A number, a symbol, or an operator over operands. Operators carry MathJSON's names (`Add`, `Power`, `Sqrt`, ...). */
export type Expression =
  | { readonly kind: "number"; readonly literal: string }
  | { readonly kind: "symbol"; readonly name: string }
  | { readonly kind: "call"; readonly operator: string; readonly operands: readonly Expression[] };

/** Names with a fixed value, which are no variables. */
const CONSTANTS = new Set([
  "Pi",
  "e",
  "ExponentialE",
  "i",
  "ImaginaryUnit",
  "PositiveInfinity",
  "NegativeInfinity",
  "EmptySet",
]);

export function call(operator: string, ...operands: readonly Expression[]): Expression {
  return { kind: "call", operator, operands };
}

/** Names of the variables in the expressions. */
export function variablesOf(...expressions: readonly Expression[]): ReadonlySet<string> {
  const names = new Set<string>();
  const visit = (expression: Expression): void => {
    if (expression.kind === "call") expression.operands.forEach(visit);
    else if (expression.kind === "symbol" && !CONSTANTS.has(expression.name)) {
      names.add(expression.name);
    }
  };
  expressions.forEach(visit);
  return names;
}

/** Whether there is no number in the expression. */
export function isOfSymbols(expression: Expression): boolean {
  if (expression.kind === "call") return expression.operands.every(isOfSymbols);
  return expression.kind === "symbol";
}

/** Whether two expressions are written alike. */
export function isSameExpression(a: Expression, b: Expression): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
