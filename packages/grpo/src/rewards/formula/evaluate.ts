/** The value of an expression: exact as long as fractions suffice, else a double with an error bound. Reads no LaTeX; takes time linear in the expression. */
import * as complex from "../formula/approximation.ts";
import type { Approximation } from "../formula/approximation.ts";
import type { Expression } from "../formula/expression.ts";
import {
  addFractions,
  type Fraction,
  fraction,
  fractionOfLiteral,
  fractionPower,
  isSameFraction,
  multiplyFractions,
  toNumber,
} from "../formula/fraction.ts";
import { FUNCTIONS } from "../formula/functions.ts";
import { WHOLE_FUNCTIONS } from "../formula/whole_functions.ts";

export type Value =
  | { readonly exact: Fraction; readonly near?: undefined }
  | { readonly exact?: undefined; readonly near: Approximation };

/** A value for each variable. */
export type Assignment = (name: string) => Fraction;

const MINUS_ONE: Fraction = { numerator: -1n, denominator: 1n };
const I: Approximation = { re: 0, im: 1, error: 0 };

const exactly = (exact: Fraction | undefined): Value | undefined => exact && { exact };
const nearly = (near: Approximation | undefined): Value | undefined => near && { near };

/** The value as a double with a bound of its error. */
export function approximate(value: Value): Approximation | undefined {
  return value.near ?? complex.real(toNumber(value.exact));
}

/** Whether two values are the same number, as far as doubles can tell where they are not exact. */
export function isSameValue(a: Value, b: Value): boolean {
  if (a.exact && b.exact) return isSameFraction(a.exact, b.exact);
  const [left, right] = [approximate(a), approximate(b)];
  return !!left && !!right && complex.mayBeEqual(left, right);
}

/** The value under an assignment; undefined where there is none, where it is too large, or for an operator that is not known. */
export function evaluate(expression: Expression, assignment: Assignment): Value | undefined {
  if (expression.kind === "number") return exactly(fractionOfLiteral(expression.literal));
  if (expression.kind === "symbol") return symbolValue(expression.name, assignment);
  const operands: Value[] = [];
  for (const operand of expression.operands) {
    const value = evaluate(operand, assignment);
    if (!value) return undefined;
    operands.push(value);
  }
  return apply(expression.operator, operands);
}

function symbolValue(name: string, assignment: Assignment): Value | undefined {
  switch (name) {
    case "Pi":
      return nearly(complex.real(Math.PI));
    case "e":
    case "ExponentialE":
      return nearly(complex.real(Math.E));
    case "i":
    case "ImaginaryUnit":
      return nearly(I);
    case "PositiveInfinity":
    case "NegativeInfinity":
    case "EmptySet":
      return undefined;
  }
  return exactly(assignment(name));
}

function apply(operator: string, operands: readonly Value[]): Value | undefined {
  const [first, second] = operands;
  switch (operator) {
    case "Add":
      return fold(operands, plus);
    case "Multiply":
      return fold(operands, times);
    case "Negate":
      return first && times(first, { exact: MINUS_ONE });
    case "Subtract":
      return first && second && minus(first, second);
    case "Divide":
    case "Colon":
      return first && second && quotient(first, second);
    case "Power":
      return first && second && power(first, second);
    case "Root":
      return first && second && root(first, second);
    case "Log":
      return first && logarithm(first, second ?? { exact: { numerator: 10n, denominator: 1n } });
    case "Lb":
      return first && logarithm(first, { exact: { numerator: 2n, denominator: 1n } });
    case "Degrees":
      return first && times(first, { near: complex.real(Math.PI / 180)! });
  }
  return WHOLE_FUNCTIONS.has(operator)
    ? exactly(wholeFunction(operator, operands))
    : ofOne(operator, first);
}

function fold(
  operands: readonly Value[],
  join: (a: Value, b: Value) => Value | undefined,
): Value | undefined {
  return operands.reduce<Value | undefined>(
    (total, operand, at) => at === 0 ? operand : total && join(total, operand),
    undefined,
  );
}

function inDoubles(
  a: Value,
  b: Value,
  join: (a: Approximation, b: Approximation) => Approximation | undefined,
): Value | undefined {
  const [left, right] = [approximate(a), approximate(b)];
  return left && right && nearly(join(left, right));
}

function plus(a: Value, b: Value): Value | undefined {
  const exact = a.exact && b.exact && addFractions(a.exact, b.exact);
  return exactly(exact) ?? inDoubles(a, b, complex.add);
}

function times(a: Value, b: Value): Value | undefined {
  const exact = a.exact && b.exact && multiplyFractions(a.exact, b.exact);
  return exactly(exact) ?? inDoubles(a, b, complex.multiply);
}

/** `a - b`. */
export function minus(a: Value, b: Value): Value | undefined {
  const negative = times(b, { exact: MINUS_ONE });
  return negative && plus(a, negative);
}

/** `a / b`. */
export function quotient(a: Value, b: Value): Value | undefined {
  if (b.exact) {
    const inverse = fraction(b.exact.denominator, b.exact.numerator);
    return inverse && times(a, { exact: inverse });
  }
  const inverse = complex.inverse(b.near);
  return inverse && times(a, { near: inverse });
}

function power(base: Value, exponent: Value): Value | undefined {
  const exact = base.exact && exponent.exact && fractionPower(base.exact, exponent.exact);
  if (exact) return { exact };
  if (base.exact?.numerator === 0n && exponent.exact && exponent.exact.numerator <= 0n) {
    return undefined;
  }
  const half = exponent.exact?.numerator === 1n && exponent.exact.denominator === 2n;
  return half ? ofOne("Sqrt", base) : inDoubles(base, exponent, complex.power);
}

/** Odd roots of negative numbers are real, as at school; otherwise the principal branch. */
function root(radicand: Value, degree: Value): Value | undefined {
  const inverse = quotient({ exact: { numerator: 1n, denominator: 1n } }, degree);
  if (!inverse) return undefined;
  const isOdd = degree.exact?.denominator === 1n && degree.exact.numerator % 2n !== 0n;
  const near = approximate(radicand);
  if (!isOdd || !near || near.im !== 0 || near.re >= 0) return power(radicand, inverse);
  const positive = times(radicand, { exact: MINUS_ONE });
  const value = positive && power(positive, inverse);
  return value && times(value, { exact: MINUS_ONE });
}

function logarithm(value: Value, base: Value): Value | undefined {
  const [top, bottom] = [ofOne("Ln", value), ofOne("Ln", base)];
  return top && bottom && quotient(top, bottom);
}

function ofOne(operator: string, operand: Value | undefined): Value | undefined {
  const near = operand && approximate(operand);
  return near && nearly(FUNCTIONS.get(operator)?.(near));
}

function wholeFunction(operator: string, operands: readonly Value[]): Fraction | undefined {
  const exact = operands.flatMap((operand) => operand.exact ?? []);
  return exact.length === operands.length ? WHOLE_FUNCTIONS.get(operator)?.(exact) : undefined;
}
