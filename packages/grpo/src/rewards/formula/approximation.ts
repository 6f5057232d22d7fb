/** Complex numbers in doubles with a bound of their rounding error, so that "equal" needs no chosen tolerance. Knows no expressions. */

/** A complex number, at most about `error` away from the true one. */
export interface Approximation {
  readonly re: number;
  readonly im: number;
  readonly error: number;
}

const EPSILON = Number.EPSILON;

/** Two numbers that are not known to so many parts cannot be told equal. */
const MAX_RELATIVE_ERROR = 1e-7;

export const size = ({ re, im }: Approximation): number => Math.hypot(re, im);

/** A result with the error carried over from what it was computed of; undefined if not finite. */
function rounded(re: number, im: number, carried: number): Approximation | undefined {
  const error = carried + 4 * EPSILON * Math.hypot(re, im);
  if (!Number.isFinite(re) || !Number.isFinite(im) || !Number.isFinite(error)) return undefined;
  return { re, im, error };
}

/** A real number that is correct to the last places. */
export function real(value: number): Approximation | undefined {
  return rounded(value, 0, 0);
}

export function add(a: Approximation, b: Approximation): Approximation | undefined {
  return rounded(a.re + b.re, a.im + b.im, a.error + b.error);
}

export function multiply(a: Approximation, b: Approximation): Approximation | undefined {
  const carried = size(a) * b.error + size(b) * a.error + a.error * b.error;
  return rounded(a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re, carried);
}

/** `1 / a`; undefined where `a` may be 0. */
export function inverse(a: Approximation): Approximation | undefined {
  const length = size(a);
  if (length <= 4 * a.error) return undefined;
  const square = length * length;
  return rounded(a.re / square, -a.im / square, (2 * a.error) / square);
}

export function exp(a: Approximation): Approximation | undefined {
  const length = Math.exp(a.re);
  // The argument of sine and cosine is reduced exactly; the real part's own rounding grows with it.
  const carried = length * (a.error + EPSILON * Math.abs(a.re));
  return rounded(length * Math.cos(a.im), length * Math.sin(a.im), carried);
}

/** Principal branch; undefined where `a` may be 0. */
export function log(a: Approximation): Approximation | undefined {
  const length = size(a);
  if (length <= 4 * a.error) return undefined;
  return rounded(Math.log(length), Math.atan2(a.im, a.re), (2 * a.error) / length + EPSILON);
}

/** Principal branch: the exponential of `exponent` times the logarithm of `base`. */
export function power(base: Approximation, exponent: Approximation): Approximation | undefined {
  if (base.re === 0 && base.im === 0) return exponent.re > 0 ? real(0) : undefined;
  const logarithm = log(base);
  const scaled = logarithm && multiply(logarithm, exponent);
  return scaled && exp(scaled);
}

/** Principal branch. */
export function squareRoot(a: Approximation): Approximation | undefined {
  const length = size(a);
  const re = Math.sqrt((length + Math.abs(a.re)) / 2);
  if (re === 0) return rounded(0, 0, Math.sqrt(a.error));
  const im = Math.abs(a.im) / (2 * re);
  const carried = Math.min(a.error / Math.sqrt(length), Math.sqrt(a.error));
  const sign = a.im < 0 ? -1 : 1;
  return a.re >= 0 ? rounded(re, sign * im, carried) : rounded(im, sign * re, carried);
}

/** A function of a real number with the size of its slope; undefined for complex numbers and out of its domain. */
export function realFunction(
  a: Approximation,
  value: (x: number) => number,
  slope: (x: number) => number,
): Approximation | undefined {
  if (Math.abs(a.im) > a.error) return undefined;
  return rounded(value(a.re), 0, Math.abs(slope(a.re)) * (a.error + EPSILON * Math.abs(a.re)));
}

/** Whether the two may be one number; false where too little is known of them. */
export function mayBeEqual(a: Approximation, b: Approximation): boolean {
  const error = a.error + b.error;
  const distance = Math.hypot(a.re - b.re, a.im - b.im);
  return distance <= 4 * error && error <= MAX_RELATIVE_ERROR * Math.max(size(a), size(b), 1e-3);
}
