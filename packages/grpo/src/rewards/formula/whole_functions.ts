/** Functions of whole numbers and fractions that stay exact: factorials, binomials, rounding, divisors. Bounded in size. */
import { type Fraction, fraction } from "../formula/fraction.ts";

type ExactFunction = (operands: readonly Fraction[]) => Fraction | undefined;

const MAX_FACTORIAL = 300n;

function wholes(operands: readonly Fraction[]): bigint[] | undefined {
  if (operands.some(({ denominator }) => denominator !== 1n)) return undefined;
  return operands.map(({ numerator }) => numerator);
}

const factorial: ExactFunction = (operands) => {
  const n = wholes(operands)?.[0];
  if (n === undefined || n < 0n || n > MAX_FACTORIAL) return undefined;
  let product = 1n;
  for (let factor = 2n; factor <= n; factor++) product *= factor;
  return fraction(product);
};

const binomial: ExactFunction = (operands) => {
  const [n, k] = wholes(operands) ?? [];
  if (n === undefined || k === undefined || k < 0n || n < k) return undefined;
  const steps = k < n - k ? k : n - k;
  if (steps > MAX_FACTORIAL) return undefined;
  let product = 1n;
  for (let step = 1n; step <= steps; step++) product = (product * (n - steps + step)) / step;
  return fraction(product);
};

function floorOf({ numerator, denominator }: Fraction): bigint {
  const cut = numerator / denominator;
  return cut * denominator > numerator ? cut - 1n : cut;
}

const isBelow = (a: Fraction, b: Fraction) =>
  a.numerator * b.denominator < b.numerator * a.denominator;

function euclid(a: bigint, b: bigint): bigint {
  while (b !== 0n) [a, b] = [b, a % b];
  return a < 0n ? -a : a;
}

const divisor: ExactFunction = (operands) => {
  const values = wholes(operands);
  return values && fraction(values.reduce(euclid, 0n));
};

const multiple: ExactFunction = (operands) => {
  const values = wholes(operands);
  if (!values || values.includes(0n)) return undefined;
  return fraction(values.reduce((a, b) => {
    const product = (a * b) / euclid(a, b);
    return product < 0n ? -product : product;
  }, 1n));
};

const remainder: ExactFunction = (operands) => {
  const [a, b] = wholes(operands) ?? [];
  if (a === undefined || !b) return undefined;
  return fraction(((a % b) + b) % b);
};

export const WHOLE_FUNCTIONS: ReadonlyMap<string, ExactFunction> = new Map<string, ExactFunction>([
  ["Factorial", factorial],
  ["Binomial", binomial],
  ["Floor", ([a]) => a && fraction(floorOf(a))],
  ["Ceil", ([a]) => a && fraction(-floorOf({ ...a, numerator: -a.numerator }))],
  ["Max", (operands) => operands.reduce((a, b) => isBelow(a, b) ? b : a)],
  ["Min", (operands) => operands.reduce((a, b) => isBelow(b, a) ? b : a)],
  ["GCD", divisor],
  ["LCM", multiple],
  ["Mod", remainder],
]);
