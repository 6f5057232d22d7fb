/** Numbers within bounds and of a multiple, digit by digit. Reads no schema. */
import type { Grammar } from "../automaton/grammar.ts";
import { MAX_FRACTION_DIGITS, MAX_INTEGER_DIGITS } from "../automaton/json_rules.ts";

/** Which numbers are meant. */
export interface NumberBounds {
  readonly isInteger: boolean;
  /** Inclusive; infinite where there is no bound. */
  readonly min: number;
  readonly max: number;
  /** Decimals that the number must be a multiple of. */
  readonly multiples: readonly number[];
}

/** Decimals of so many digits are doubles apart, so that a multiple stays one when it is parsed. */
const EXACT_DIGITS = 15;
const MAX_DIVISOR = 100_000n;

/** Decimals as whole numbers of units of the last place. */
interface Scale {
  readonly fractionDigits: number;
  readonly integerDigits: number;
  readonly divisor: bigint;
}

/**
 * Takes the numbers that are meant, without an exponent, from `from` to `to`. They are compared as decimals with the
 * shortest decimal of each bound, and parsing keeps their order: so the parsed double is within the bounds too. Throws a
 * RangeError where a multiple cannot be held.
 */
export function addDecimals(
  grammar: Grammar,
  from: number,
  bounds: NumberBounds,
  to: number,
): void {
  const scale = scaleOf(bounds);
  const limit = 10n ** BigInt(scale.integerDigits + scale.fractionDigits) - 1n;
  const low = scaled(bounds.min, scale.fractionDigits, "up");
  const high = scaled(bounds.max, scale.fractionDigits, "down");
  if (low > high || low > limit || high < -limit) return;
  if (high >= 0n) {
    const most = high < limit ? high : limit;
    new DigitRules(grammar, scale, to).add(from, low > 0n ? low : 0n, most);
  }
  if (low < 0n) {
    const minus = grammar.addNode();
    grammar.addText(from, "-", minus);
    const most = -low < limit ? -low : limit;
    new DigitRules(grammar, scale, to).add(minus, high < 0n ? -high : 1n, most);
  }
}

function scaleOf({ isInteger, multiples }: NumberBounds): Scale {
  if (multiples.length === 0) {
    const fractionDigits = isInteger ? 0 : MAX_FRACTION_DIGITS;
    return { fractionDigits, integerDigits: MAX_INTEGER_DIGITS, divisor: 1n };
  }
  const decimals = multiples.map(decimalOf);
  const places = Math.max(0, ...decimals.map(({ exponent }) => -exponent));
  let divisor = 1n;
  for (const { digits, exponent } of decimals) {
    divisor = leastCommonMultiple(divisor, digits * 10n ** BigInt(places + exponent));
  }
  // A whole number is a multiple of one too.
  if (isInteger) {
    divisor = leastCommonMultiple(divisor, 10n ** BigInt(places)) / 10n ** BigInt(places);
  }
  const fractionDigits = isInteger ? 0 : places;
  const integerDigits = EXACT_DIGITS - fractionDigits;
  if (integerDigits < 1 || divisor > MAX_DIVISOR || divisor <= 0n) {
    throw new RangeError("multipleOf must be over 0 and of few digits");
  }
  return { fractionDigits, integerDigits, divisor };
}

function leastCommonMultiple(a: bigint, b: bigint): bigint {
  return a / greatestCommonDivisor(a, b) * b;
}

function greatestCommonDivisor(a: bigint, b: bigint): bigint {
  while (b > 0n) [a, b] = [b, a % b];
  return a;
}

/** The shortest decimal of a double: `digits * 10 ** exponent`. */
function decimalOf(value: number): { readonly digits: bigint; readonly exponent: number } {
  const [mantissa, exponent = "0"] = String(value).split("e");
  const [whole, fraction = ""] = mantissa.split(".");
  return { digits: BigInt(whole + fraction), exponent: Number(exponent) - fraction.length };
}

/** In units of the last place, rounded towards what is allowed. */
function scaled(value: number, fractionDigits: number, towards: "up" | "down"): bigint {
  if (!Number.isFinite(value)) return value > 0 ? 10n ** 64n : -(10n ** 64n);
  const { digits, exponent } = decimalOf(value);
  const shift = exponent + fractionDigits;
  if (shift >= 0) return digits * 10n ** BigInt(shift);
  const unit = 10n ** BigInt(-shift);
  const quotient = digits / unit;
  const rest = digits % unit;
  if (towards === "up") return rest > 0n ? quotient + 1n : quotient;
  return rest < 0n ? quotient - 1n : quotient;
}

/** What is left of a number after some of its digits. */
interface Tail {
  /** Digits before the point that are still to come; negative: digits that the fraction has. */
  readonly toPoint: number;
  /** The bounds of the digits that are to come, where those before were the bound's own. */
  readonly low?: string;
  readonly high?: string;
  /** What the digits before leave of the divisor. */
  readonly rest: bigint;
}

/** Makes the nodes of decimals without a sign. */
class DigitRules {
  readonly #nodes = new Map<string, number>();

  constructor(
    readonly grammar: Grammar,
    readonly scale: Scale,
    readonly to: number,
  ) {}

  /** `low` and `high` are in units of the last place. */
  add(from: number, low: bigint, high: bigint): void {
    const { fractionDigits, integerDigits } = this.scale;
    for (let toPoint = 1; toPoint <= integerDigits; toPoint++) {
      const digits = toPoint + fractionDigits;
      const least = toPoint === 1 ? 0n : 10n ** BigInt(digits - 1);
      const most = 10n ** BigInt(digits) - 1n;
      if (low > most || high < least) continue;
      const text = (value: bigint) => String(value).padStart(digits, "0");
      const node = this.#node({
        toPoint,
        low: text(low > least ? low : least),
        high: text(high < most ? high : most),
        rest: 0n,
      });
      if (node !== undefined) this.grammar.addEpsilon(from, node);
    }
  }

  /** undefined: no number goes on like this. */
  #node(tail: Tail): number | undefined {
    const left = this.#digitsLeft(tail);
    const unit = 10n ** BigInt(left);
    const { divisor } = this.scale;
    // Of the digits so far only this much decides.
    const rest = tail.rest % (divisor / greatestCommonDivisor(divisor, unit));
    if ((divisor - (rest * unit) % divisor) % divisor >= unit) return undefined;
    const key = `${tail.toPoint},${tail.low ?? ""},${tail.high ?? ""},${rest}`;
    let node = this.#nodes.get(key);
    if (node === undefined) {
      this.#nodes.set(key, node = this.grammar.addNode());
      this.#fill(node, { ...tail, rest }, left);
    }
    return node;
  }

  #digitsLeft({ toPoint }: Tail): number {
    return toPoint + this.scale.fractionDigits;
  }

  #fill(node: number, tail: Tail, left: number): void {
    const { toPoint } = tail;
    if (toPoint <= 0 && this.#mayStop(tail, left)) this.grammar.addEpsilon(node, this.to);
    if (left === 0) return;
    let digitNode = node;
    if (toPoint === 0) {
      digitNode = this.grammar.addNode();
      this.grammar.addText(node, ".", digitNode);
    }
    const first = Number(tail.low?.[0] ?? 0);
    const last = Number(tail.high?.[0] ?? 9);
    let begin = first;
    for (let digit = first; digit <= last; digit++) {
      const next = this.#after(tail, digit, first, last);
      if (digit < last && next === this.#after(tail, digit + 1, first, last)) continue;
      if (next !== undefined) this.grammar.addRange(digitNode, 0x30 + begin, 0x30 + digit, next);
      begin = digit + 1;
    }
  }

  #after({ toPoint, low, high, rest }: Tail, digit: number, first: number, last: number) {
    return this.#node({
      toPoint: toPoint - 1,
      low: low !== undefined && digit === first ? bound(low, "0") : undefined,
      high: high !== undefined && digit === last ? bound(high, "9") : undefined,
      rest: (rest * 10n + BigInt(digit)) % this.scale.divisor,
    });
  }

  /** Whether zeros may be all that is left unwritten. */
  #mayStop({ low, rest }: Tail, left: number): boolean {
    return /^0*$/.test(low ?? "") && (rest * 10n ** BigInt(left)) % this.scale.divisor === 0n;
  }
}

/** The bound of the digits after the first; undefined where it forbids none. */
function bound(digits: string, free: string): string | undefined {
  const rest = digits.slice(1);
  return [...rest].every((digit) => digit === free) ? undefined : rest;
}
