/** Exact fractions of bounded size. Nothing is rounded: what grows beyond the bound is undefined. */

/** `numerator / denominator` in lowest terms, the denominator above 0. */
export interface Fraction {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

/** Numbers of more bits are left to approximation. 300! has 2,042. */
const MAX_BITS = 4096;

const isTooLong = (value: bigint) => bitLength(value) > MAX_BITS;

function bitLength(value: bigint): number {
  return (value < 0n ? -value : value).toString(16).length * 4;
}

function gcd(a: bigint, b: bigint): bigint {
  while (b !== 0n) [a, b] = [b, a % b];
  return a < 0n ? -a : a;
}

/** In lowest terms; undefined if the denominator is 0 or a number too long. */
export function fraction(numerator: bigint, denominator = 1n): Fraction | undefined {
  if (denominator === 0n || isTooLong(numerator) || isTooLong(denominator)) return undefined;
  const shared = gcd(numerator, denominator) * (denominator < 0n ? -1n : 1n);
  return { numerator: numerator / shared, denominator: denominator / shared };
}

/**
 * The number that a literal such as `12`, `0.125`, `1.5e3` or `0.(3)` (digits in brackets repeat) stands for; undefined for
 * anything else.
 */
export function fractionOfLiteral(literal: string): Fraction | undefined {
  const match = /^([+-]?)(\d*)(?:\.(\d*)(?:\((\d+)\))?)?(?:[eE]([+-]?\d{1,4}))?$/.exec(literal);
  if (!match) return undefined;
  const [, sign, whole, decimals = "", repeated = "", exponent = "0"] = match;
  if (whole + decimals + repeated === "" || literal.length > 1000) return undefined;
  const power = Number(exponent);
  if (Math.abs(power) > 1000) return undefined;
  let numerator = BigInt(whole + decimals + repeated);
  let denominator = 10n ** BigInt(decimals.length);
  if (repeated) {
    numerator -= BigInt(whole + decimals || "0");
    denominator *= 10n ** BigInt(repeated.length) - 1n;
  }
  if (sign === "-") numerator = -numerator;
  return power < 0
    ? fraction(numerator, denominator * 10n ** BigInt(-power))
    : fraction(numerator * 10n ** BigInt(power), denominator);
}

export function addFractions(a: Fraction, b: Fraction): Fraction | undefined {
  return fraction(
    a.numerator * b.denominator + b.numerator * a.denominator,
    a.denominator * b.denominator,
  );
}

export function multiplyFractions(a: Fraction, b: Fraction): Fraction | undefined {
  return fraction(a.numerator * b.numerator, a.denominator * b.denominator);
}

/** `base ** exponent` for a whole exponent; undefined otherwise, for 0 to a power that is not above 0, and where it grows too long. */
export function fractionPower(base: Fraction, exponent: Fraction): Fraction | undefined {
  if (exponent.denominator !== 1n) return undefined;
  const power = exponent.numerator;
  if (base.numerator === 0n && power <= 0n) return undefined;
  const size = power < 0n ? -power : power;
  const bits = Math.max(bitLength(base.numerator), bitLength(base.denominator));
  if (size > BigInt(MAX_BITS) || (Number(size) - 1) * (bits - 4) > MAX_BITS) return undefined;
  const [top, bottom] = [base.numerator ** size, base.denominator ** size];
  return power < 0n ? fraction(bottom, top) : fraction(top, bottom);
}

/** The nearest double, or one beside it. */
export function toNumber({ numerator, denominator }: Fraction): number {
  const shift = bitLength(denominator) - bitLength(numerator) + 64;
  const scaled = shift >= 0
    ? (numerator << BigInt(shift)) / denominator
    : numerator / (denominator << BigInt(-shift));
  // In two steps: the power alone may be out of the range of a double.
  const half = Math.trunc(shift / 2);
  return Number(scaled) * 2 ** -half * 2 ** -(shift - half);
}

export function isSameFraction(a: Fraction, b: Fraction): boolean {
  return a.numerator === b.numerator && a.denominator === b.denominator;
}
