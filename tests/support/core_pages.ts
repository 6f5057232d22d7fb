/** Formats of cache pages as the core's tests know them, and numbers to fill them with. Calls no core. */
import { seededRandom } from "./seeded_random.ts";

/** `count` numbers between -size and size. */
export function numbers(count: number, size: number, seed: number): Float32Array {
  const random = seededRandom(seed);
  return Float32Array.from({ length: count }, () => size * (random(1 << 20) / (1 << 19) - 1));
}

/** A format of pages: the core's number for it, bytes of 32 numbers, and numbers as it holds them. */
export interface PageFormat {
  readonly name: string;
  readonly type: number;
  readonly bytesOf32: number;
  readonly stored: (x: Float32Array) => Float32Array;
}

export const FLOAT_PAGES: readonly PageFormat[] = [
  { name: "f32", type: 0, bytesOf32: 128, stored: (x) => x },
  { name: "f16", type: 1, bytesOf32: 64, stored: (x) => x.map((value) => Math.f16round(value)) },
];
/** Heads must be whole blocks of 32. */
export const Q8_PAGES: PageFormat = { name: "q8_0", type: 8, bytesOf32: 34, stored: asQ8_0 };

function asQ8_0(x: Float32Array): Float32Array {
  const out = x.slice();
  for (let at = 0; at < x.length; at += 32) {
    const block = out.subarray(at, at + 32);
    const largest = block.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const scale = Math.f16round(Math.fround(largest / 127));
    const inverse = Math.fround(1 / scale);
    block.forEach((value, i) => {
      const level = nearestEven(Math.fround(value * inverse));
      block[i] = Math.max(-127, Math.min(127, level)) * scale;
    });
  }
  return out;
}

/** To the nearest whole number, ties to even. */
function nearestEven(x: number): number {
  return x + 1.5 * 2 ** 52 - 1.5 * 2 ** 52;
}
