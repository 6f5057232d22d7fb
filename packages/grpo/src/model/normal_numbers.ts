/** Normal numbers by (seed, name), of exact operations alone, so that every machine and engine has the same bits. */
import { CounterRandom } from "../tasks/counter_random.ts";

/** Tells these draws from others of the same seed. */
const STREAM = 0x1417;
const WORD = 2 ** 32;

/** `count` numbers of N(0, deviation^2), rounded to f32; a name has the same ones whatever else is drawn. */
export function normalNumbers(
  seed: number,
  name: string,
  count: number,
  deviation: number,
): Float32Array<ArrayBuffer> {
  const random = new CounterRandom(seed, STREAM, hash53(name));
  const numbers = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    numbers[i] = deviation * normalQuantile((random.word() + 0.5) / WORD);
  }
  return numbers;
}

/** FNV-1a of 64 bits, cut to the whole numbers that are exact. */
function hash53(name: string): number {
  let hash = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(name)) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  }
  return Number(hash >> 11n);
}

/**
 * The number below which a normal number lies with probability p, from 1e-10 to 1 - 1e-10, to about seven digits
 * (Wichura 1988, algorithm AS 241, PPND7). Engines may round `Math.log` as they like, so it is not used.
 */
export function normalQuantile(p: number): number {
  const q = p - 0.5;
  if (Math.abs(q) <= 0.425) {
    const r = 0.180625 - q * q;
    return q * ratio(r, MIDDLE_ABOVE, MIDDLE_BELOW);
  }
  const r = Math.sqrt(-naturalLog(Math.min(p, 1 - p))) - 1.6;
  const size = ratio(r, TAIL_ABOVE, TAIL_BELOW);
  return q < 0 ? -size : size;
}

/** Coefficients of AS 241, the highest power first. */
const MIDDLE_ABOVE = [59.10937472, 159.29113202, 50.434271938, 3.3871327179];
const MIDDLE_BELOW = [67.1875636, 78.757757664, 17.895169469, 1];
const TAIL_ABOVE = [0.17023821103, 1.3067284816, 2.75681539, 1.4234372777];
const TAIL_BELOW = [0.12021132975, 0.7370016425, 1];

function ratio(x: number, above: readonly number[], below: readonly number[]): number {
  return polynomial(x, above) / polynomial(x, below);
}

function polynomial(x: number, coefficients: readonly number[]): number {
  let value = 0;
  for (const coefficient of coefficients) value = value * x + coefficient;
  return value;
}

/** ln of a positive number below 1: halved or doubled to near 1, then the series of artanh. */
function naturalLog(x: number): number {
  let halves = 0;
  while (x < Math.SQRT1_2) {
    x *= 2;
    halves++;
  }
  const s = (x - 1) / (x + 1);
  let sum = 0;
  for (let power = 21; power >= 1; power -= 2) sum = sum * s * s + 1 / power;
  return 2 * s * sum - halves * Math.LN2;
}
