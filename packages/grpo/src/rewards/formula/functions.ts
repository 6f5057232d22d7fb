/** The functions of one complex or real number that answers use, by MathJSON's names. Each gives undefined out of its domain. */
import {
  add,
  type Approximation,
  exp,
  inverse,
  log,
  multiply,
  real,
  realFunction,
  squareRoot,
} from "../formula/approximation.ts";

type UnaryFunction = (a: Approximation) => Approximation | undefined;

const turned: UnaryFunction = (a) => multiply(a, { re: 0, im: 1, error: 0 });
const half = (a: Approximation | undefined) => a && multiply(a, { re: 0.5, im: 0, error: 0 });
const negated = (a: Approximation): Approximation => ({ re: -a.re, im: -a.im, error: a.error });

/** (exp(a) + sign exp(-a)) / 2 */
function hyperbolic(a: Approximation, sign: 1 | -1): Approximation | undefined {
  const [grown, shrunk] = [exp(a), exp(negated(a))];
  return grown && shrunk && half(add(grown, sign === 1 ? shrunk : negated(shrunk)));
}

const sinh: UnaryFunction = (a) => hyperbolic(a, -1);
const cosh: UnaryFunction = (a) => hyperbolic(a, 1);

const sin: UnaryFunction = (a) => {
  if (a.im === 0) return realFunction(a, Math.sin, Math.cos);
  const value = turned(a);
  const turnedSine = value && sinh(value);
  return turnedSine && negated(turned(turnedSine)!);
};

const cos: UnaryFunction = (a) => {
  if (a.im === 0) return realFunction(a, Math.cos, Math.sin);
  const value = turned(a);
  return value && cosh(value);
};

const over = (top: UnaryFunction, bottom: UnaryFunction): UnaryFunction => (a) => {
  const [numerator, divisor] = [top(a), bottom(a)];
  const inverted = divisor && inverse(divisor);
  return numerator && inverted && multiply(numerator, inverted);
};
const one: UnaryFunction = () => real(1);

/** Slopes of arcus functions have poles; there the error is that of the nearest doubles. */
const arcSlope = (x: number) => 1 / Math.sqrt(Math.max(1 - x * x, 1e-16));

const arcsin: UnaryFunction = (a) => realFunction(a, Math.asin, arcSlope);
const arccos: UnaryFunction = (a) => realFunction(a, Math.acos, arcSlope);
const arctan: UnaryFunction = (a) => realFunction(a, Math.atan, (x) => 1 / (1 + x * x));

export const FUNCTIONS: ReadonlyMap<string, UnaryFunction> = new Map<string, UnaryFunction>([
  ["Sqrt", squareRoot],
  ["Exp", exp],
  ["Ln", log],
  ["Abs", (a) => ({ re: Math.hypot(a.re, a.im), im: 0, error: a.error })],
  ["Conjugate", (a) => ({ re: a.re, im: -a.im, error: a.error })],
  ["Sin", sin],
  ["Cos", cos],
  ["Tan", over(sin, cos)],
  ["Cot", over(cos, sin)],
  ["Sec", over(one, cos)],
  ["Csc", over(one, sin)],
  ["Sinh", sinh],
  ["Cosh", cosh],
  ["Tanh", over(sinh, cosh)],
  ["Arcsin", arcsin],
  ["Arccos", arccos],
  ["Arctan", arctan],
]);
