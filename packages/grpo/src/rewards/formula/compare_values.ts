/** Whether two formulas are equal: exactly where fractions suffice, and for variables at points chosen once for all. Knows no sets and no relations. */
import {
  approximate,
  evaluate,
  isSameValue,
  minus,
  quotient,
  type Value,
} from "../formula/evaluate.ts";
import { size } from "../formula/approximation.ts";
import { type Expression, isSameExpression, variablesOf } from "../formula/expression.ts";
import type { Fraction } from "../formula/fraction.ts";

/** Points at which formulas with variables are compared. Two rational functions that agree at these are one, but for chance. */
const POINTS = 5;
/** At fewer points with a value nothing is known. */
const MIN_POINTS = 3;

/** A decimal number of so many decimals and significant digits may stand for what it was rounded or cut from. */
const MIN_DECIMALS = 6;

/** Whether two expressions are the same number or function. */
export function isEqualExpression(a: Expression, b: Expression): boolean {
  if (isSameExpression(a, b)) return true;
  const variables = variablesOf(a, b);
  if (variables.size === 0) {
    const [left, right] = [valueAt(a, 0), valueAt(b, 0)];
    return !!left && !!right &&
      (isSameValue(left, right) || isRounded(a, right) || isRounded(b, left));
  }
  const pairs = commonValues(a, b, POINTS);
  return pairs.length >= MIN_POINTS && pairs.every(([left, right]) => isSameValue(left, right));
}

/**
 * What `b` is as a multiple of `a`, if that is the same at all points: 2 for x + 1 and 2x + 2. Undefined where it is not, or
 * where both are 0.
 */
export function constantRatio(a: Expression, b: Expression): Value | undefined {
  const ratios = commonValues(a, b, POINTS).map(([left, right]) => quotient(right, left));
  const [first] = ratios;
  if (!first || ratios.length < MIN_POINTS || isZero(first)) return undefined;
  return ratios.every((ratio) => ratio && isSameValue(ratio, first)) ? first : undefined;
}

/** Whether the value is a real number above 0. */
export function isPositive(value: Value): boolean {
  const near = approximate(value);
  return !!near && near.re > near.error && Math.abs(near.im) <= near.error;
}

/** Whether `a < b` for two constant expressions. */
export function isBelow(a: Expression, b: Expression): boolean {
  const [left, right] = [valueAt(a, 0), valueAt(b, 0)];
  const difference = left && right && minus(right, left);
  return !!difference && isPositive(difference);
}

function isZero(value: Value): boolean {
  const near = approximate(value);
  return !near || size(near) <= near.error;
}

function commonValues(a: Expression, b: Expression, points: number): [Value, Value][] {
  const pairs: [Value, Value][] = [];
  for (let point = 0; point < points; point++) {
    const [left, right] = [valueAt(a, point), valueAt(b, point)];
    if (left && right) pairs.push([left, right]);
  }
  return pairs;
}

function valueAt(expression: Expression, point: number): Value | undefined {
  return evaluate(expression, (name) => coordinate(name, point));
}

/**
 * A variable's value: between -4 and 4, all positive at the first two points, all negative at the last, of mixed signs
 * otherwise, so that |x|, roots and logarithms are seen on both sides.
 */
function coordinate(name: string, point: number): Fraction {
  let hash = 2166136261 ^ point;
  for (let at = 0; at < name.length; at++) hash = Math.imul(hash ^ name.charCodeAt(at), 16777619);
  hash = Math.imul(hash ^ (hash >>> 15), 2246822507) >>> 0;
  const isNegative = point === POINTS - 1 || (point >= 2 && hash % 2 === 1);
  const numerator = BigInt(31 + ((hash >>> 3) % 397));
  // 101 is prime and below no numerator's multiples: the fraction is in lowest terms unless divisible.
  return numerator % 101n === 0n
    ? { numerator: isNegative ? -1n : 1n, denominator: 3n }
    : { numerator: isNegative ? -numerator : numerator, denominator: 101n };
}

/** Whether a decimal literal is the other value, rounded or cut to its own digits. */
function isRounded(literal: Expression, value: Value): boolean {
  if (literal.kind === "call" && literal.operator === "Negate") {
    const negative = minus({ exact: { numerator: 0n, denominator: 1n } }, value);
    return !!negative && isRounded(literal.operands[0], negative);
  }
  if (literal.kind !== "number") return false;
  const match = /^(\d*)\.(\d+)(?:[eE]([+-]?\d{1,3}))?$/.exec(literal.literal);
  if (!match) return false;
  const [, whole, decimals, exponent = "0"] = match;
  const significant = (whole + decimals).replace(/^0+/, "").length;
  if (decimals.length < MIN_DECIMALS || significant < MIN_DECIMALS) return false;
  const own = evaluate(literal, () => ({ numerator: 0n, denominator: 1n }));
  const missing = own && minus(value, own);
  const near = missing && approximate(missing);
  const unit = 10 ** (Number(exponent) - decimals.length);
  // Cut digits leave up to one unit, rounding leaves half a unit to either side.
  return !!near && Math.abs(near.im) <= near.error && near.re < unit * (1 - 1e-9) &&
    near.re > -unit * (0.5 + 1e-9);
}
