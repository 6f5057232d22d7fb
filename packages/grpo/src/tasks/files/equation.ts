/** Reads expressions of whole numbers with + - * / and brackets, and works them out exactly. Searches nothing. */

/** What an expression holds and comes to. */
export interface Equation {
  /** As they come. */
  readonly numbers: readonly number[];
  /** `"65"`, or a fraction in lowest terms, `"1/3"`. */
  readonly value: string;
}

type Fraction = readonly [numerator: bigint, denominator: bigint];

/** Longer ones are no answer but an attack. */
const MOST_CHARACTERS = 500;

/** An expression worked out; null for what is none, and for a division by zero. */
export function readEquation(text: string): Equation | null {
  const plain = text.replace(/[×·]|\\times|\\cdot/g, "*").replaceAll("÷", "/").replaceAll("−", "-");
  if (plain.length > MOST_CHARACTERS || /[^\d+\-*/()\s]/.test(plain)) return null;
  const tokens = plain.match(/\d+|[^\s\d]/g) ?? [];
  const numbers: number[] = [];
  let at = 0;

  const factor = (): Fraction | null => {
    const token = tokens[at++];
    if (token === "(") {
      const inner = sum();
      return tokens[at++] === ")" ? inner : null;
    }
    if (token === undefined || !/^\d+$/.test(token)) return null;
    numbers.push(Number(token));
    return [BigInt(token), 1n];
  };
  const chain = (operators: string, next: () => Fraction | null) => (): Fraction | null => {
    let value = next();
    while (value && at < tokens.length && operators.includes(tokens[at])) {
      const operator = tokens[at++];
      const right = next();
      value = right && calculated(value, operator, right);
    }
    return value;
  };
  const sum = chain("+-", chain("*/", factor));

  const value = sum();
  return value && at === tokens.length ? { numbers, value: written(value) } : null;
}

function calculated([a, b]: Fraction, operator: string, [c, d]: Fraction): Fraction | null {
  if (operator === "+") return [a * d + c * b, b * d];
  if (operator === "-") return [a * d - c * b, b * d];
  if (operator === "*") return [a * c, b * d];
  return c === 0n ? null : [a * d, b * c];
}

function written([numerator, denominator]: Fraction): string {
  const divisor = greatestDivisor(numerator, denominator) * (denominator < 0n ? -1n : 1n);
  const [a, b] = [numerator / divisor, denominator / divisor];
  return b === 1n ? `${a}` : `${a}/${b}`;
}

function greatestDivisor(a: bigint, b: bigint): bigint {
  while (b !== 0n) [a, b] = [b, a % b];
  return a < 0n ? -a : a;
}
