/** Sums, differences and products of digits modulo 10. */
import { TOKEN } from "../vocabulary.ts";

/** The tokens of the three operations. */
export const OPERATORS: readonly number[] = [TOKEN.plus, TOKEN.minus, TOKEN.times];

/** The result, 0 to 9, of an operation on two digits. */
export function calculate(left: number, operator: number, right: number): number {
  if (operator === TOKEN.plus) return (left + right) % 10;
  if (operator === TOKEN.minus) return (left - right + 10) % 10;
  return left * right % 10;
}
