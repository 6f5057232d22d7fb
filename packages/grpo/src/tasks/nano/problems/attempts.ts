/** The tries of a countdown: all ways to join three digits, written as a thought writes them and read back. Searches nothing. */
import { digitToken, digitValue, plainDigits } from "../digits.ts";
import { TOKEN } from "../vocabulary.ts";
import { calculate, OPERATORS } from "./arithmetic.ts";

/** Tokens of a try: `n o n r o n v x`, r and v being the values after each operation. */
const TRY_LENGTH = 8;

/** A way to join the three digits. */
export interface Attempt {
  /** `n o n o n` */
  readonly tokens: readonly number[];
  readonly between: number;
  readonly value: number;
}

/** How many of a thought's tries, in either language, are whole and worked out right, mark included, and how many it has. */
export function soundTries(
  target: number,
  thought: readonly number[],
): { readonly sound: number; readonly tries: number } {
  let sound = 0;
  let tries = 0;
  for (let start = 0; start < thought.length; start += TRY_LENGTH) {
    tries++;
    const tokens = plainDigits(thought.slice(start, start + TRY_LENGTH));
    const attempt = readAttempt([...tokens.slice(0, 3), ...tokens.slice(4, 6)]);
    if (attempt && `${written(attempt, target)}` === `${tokens}`) sound++;
  }
  return { sound, tries };
}

/** All different ways to join three digits: up to 54. */
export function attempts(numbers: readonly number[]): Attempt[] {
  const found: Attempt[] = [];
  const seen = new Set<number>();
  for (const [i, j, k] of ORDERS) {
    const order = 100 * numbers[i] + 10 * numbers[j] + numbers[k];
    if (seen.has(order)) continue;
    seen.add(order);
    for (const first of OPERATORS) {
      for (const second of OPERATORS) {
        found.push(attemptOf(numbers[i], first, numbers[j], second, numbers[k]));
      }
    }
  }
  return found;
}

const ORDERS = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] as const;

function attemptOf(a: number, first: number, b: number, second: number, c: number): Attempt {
  const between = calculate(a, first, b);
  const tokens = [digitToken(a), first, digitToken(b), second, digitToken(c)];
  return { tokens, between, value: calculate(between, second, c) };
}

/** The attempt `n o n o n` of an answer; null where it is none. */
export function readAttempt(tokens: readonly number[]): Attempt | null {
  const [a, b, c] = [tokens[0], tokens[2], tokens[4]].map(digitValue);
  if (tokens.length !== 5 || a === undefined || b === undefined || c === undefined) return null;
  if (!OPERATORS.includes(tokens[1]) || !OPERATORS.includes(tokens[3])) return null;
  return attemptOf(a, tokens[1], b, tokens[3], c);
}

/** A try as a thought writes it, with its mark. */
export function written({ tokens, between, value }: Attempt, target: number): number[] {
  const [a, first, b, second, c] = tokens;
  const mark = value === target ? TOKEN.hit : TOKEN.miss;
  return [a, first, b, digitToken(between), second, c, digitToken(value), mark];
}
