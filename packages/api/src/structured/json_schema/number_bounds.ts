/** What a schema's keywords say of numbers. Writes none. */
import type { Alternative } from "./alternatives.ts";
import type { NumberBounds } from "./decimal_rules.ts";
import { numberAt, type SchemaType } from "./keywords.ts";

/** Bounds of all parts together; exclusive ones are moved to the next double. */
export function numberBounds(
  alternative: Alternative,
  type: SchemaType,
): NumberBounds & { readonly isFree: boolean } {
  const isInteger = type === "integer";
  let [min, max] = [-Infinity, Infinity];
  const multiples: number[] = [];
  for (const part of alternative) {
    min = Math.max(min, numberAt(part, "minimum") ?? -Infinity);
    max = Math.min(max, numberAt(part, "maximum") ?? Infinity);
    const over = numberAt(part, "exclusiveMinimum");
    if (over !== undefined) min = Math.max(min, isInteger ? wholeAbove(over) : doubleAfter(over));
    const under = numberAt(part, "exclusiveMaximum");
    if (under !== undefined) {
      max = Math.min(max, isInteger ? -wholeAbove(-under) : -doubleAfter(-under));
    }
    const multiple = numberAt(part, "multipleOf");
    if (multiple !== undefined) multiples.push(multiple);
  }
  const isFree = !isInteger && min === -Infinity && max === Infinity && multiples.length === 0;
  return { isInteger, min, max, multiples, isFree };
}

/** Whether a value holds to them. */
export function isWithin({ min, max, multiples }: NumberBounds, value: number): boolean {
  return value >= min && value <= max && multiples.every((multiple) => {
    const quotient = value / multiple;
    return Math.abs(quotient - Math.round(quotient)) < 1e-9 * Math.max(1, Math.abs(quotient));
  });
}

/** The least whole number above; doubles from 2^53 on are all whole. */
function wholeAbove(value: number): number {
  return Math.abs(value) < Number.MAX_SAFE_INTEGER ? Math.floor(value) + 1 : doubleAfter(value);
}

/** The next double above. */
function doubleAfter(value: number): number {
  if (value === 0) return Number.MIN_VALUE;
  const bits = new BigInt64Array(new Float64Array([value]).buffer);
  bits[0] += value > 0 ? 1n : -1n;
  return new Float64Array(bits.buffer)[0];
}
