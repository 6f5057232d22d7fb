/** MUL: products of two numbers of two digits, all numbers from the lowest digit up. */
import { digitToken, digitValue } from "../digits.ts";
import type { MultiplyProblem, ProblemKind } from "./problem.ts";
import { TOKEN } from "../vocabulary.ts";

const SMALLEST = 10;
const COUNT = 90;
/** The draws that a wanted number of carries may take: the rarest comes in one of 7. */
const MAX_DRAWS = 10_000;

/** The level is the number of carries in the last addition, which the thought does not write down. */
export const multiply: ProblemKind<MultiplyProblem> = {
  levels: [0, 1, 2],
  hardLevels: [0, 1, 2],
  draw(random, levels) {
    for (let attempt = 0; attempt < MAX_DRAWS; attempt++) {
      const a = SMALLEST + random.below(COUNT);
      const b = SMALLEST + random.below(COUNT);
      if (levels.includes(carries(a, b))) return { kind: "MUL", a, b };
    }
    throw new RangeError(`no product has ${levels.join(" or ")} carries, there are 0 to 2`);
  },
  level: ({ a, b }) => carries(a, b),
  key: ({ a, b }) => `MUL ${Math.min(a, b)} ${Math.max(a, b)}`,
  question: ({ a, b }) => [...written(a, 2), TOKEN.times, ...written(b, 2)],
  read(question) {
    const a = readNumber(question.slice(0, 2));
    const b = readNumber(question.slice(3));
    if (question.length !== 5 || question[2] !== TOKEN.times || a === null || b === null) {
      return null;
    }
    return a < SMALLEST || b < SMALLEST ? null : { kind: "MUL", a, b };
  },
  solve({ a, b }) {
    const low = b % 10;
    const high = Math.floor(b / 10);
    return {
      thought: [
        ...[digitToken(low), TOKEN.colon, ...written(a * low, 3), TOKEN.semicolon],
        ...[digitToken(high), TOKEN.colon, ...written(a * high, 3)],
      ],
      answer: written(a * b, 4),
    };
  },
  answerClass: (_, answer) => answer.length === 4 ? readNumber(answer)?.toString() ?? null : null,
  rightClass: ({ a, b }) => (a * b).toString(),
};

/** A number's digits, the lowest first. */
function written(number: number, length: number): number[] {
  return Array.from({ length }, (_, place) => digitToken(Math.floor(number / 10 ** place) % 10));
}

function readNumber(tokens: readonly number[]): number | null {
  const digits = tokens.map(digitValue).filter((value) => value !== undefined);
  if (digits.length !== tokens.length) return null;
  return digits.reduceRight((number, digit) => 10 * number + digit, 0);
}

/** Carries when the two partial products are added up: 0 to 2. */
function carries(a: number, b: number): number {
  let low = Math.floor(a * (b % 10) / 10);
  let high = a * Math.floor(b / 10);
  let carry = 0;
  let count = 0;
  while (low > 0 || high > 0) {
    carry = (low % 10) + (high % 10) + carry >= 10 ? 1 : 0;
    count += carry;
    low = Math.floor(low / 10);
    high = Math.floor(high / 10);
  }
  return count;
}
