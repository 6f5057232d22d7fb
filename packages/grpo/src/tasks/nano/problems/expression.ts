/** EVAL: fully bracketed expressions modulo 10; a step rewrites the expression with its first innermost bracket worked out. */
import type { CounterRandom } from "../../counter_random.ts";
import { calculate, OPERATORS } from "./arithmetic.ts";
import { digitToken, digitValue } from "../digits.ts";
import type { ExpressionProblem, ProblemKind } from "./problem.ts";
import { decodeWords, TOKEN } from "../vocabulary.ts";

const BRACKET_LENGTH = 5;

/** The level is the number of operators. */
export const expression: ProblemKind<ExpressionProblem> = {
  levels: [1, 2, 3, 4],
  hardLevels: [2, 3, 4],
  unseenLevels: [5],
  draw(random, levels) {
    const tokens: number[] = [];
    drawInto(tokens, random, random.pick(levels));
    return { kind: "EVAL", expression: tokens };
  },
  level: ({ expression }) => (expression.length - 1) / 4,
  key: ({ expression }) => `EVAL ${decodeWords(expression)}`,
  question: ({ expression }) => [...expression],
  read(question) {
    let tokens: number[] | null = [...question];
    if (tokens.length < BRACKET_LENGTH) return null;
    while (tokens && tokens.length > 1) tokens = reduced(tokens);
    if (!tokens || digitValue(tokens[0]) === undefined) return null;
    return { kind: "EVAL", expression: question };
  },
  solve({ expression }) {
    const steps = stepsOf(expression);
    const thought = steps.flatMap((step, at) => at === 0 ? step : [TOKEN.semicolon, ...step]);
    return { thought, answer: steps[steps.length - 1] };
  },
  answerClass: (_, answer) =>
    answer.length === 1 ? digitValue(answer[0])?.toString() ?? null : null,
  rightClass: ({ expression }) => digitValue(stepsOf(expression).at(-1)![0])!.toString(),
};

/** Writes a random expression of so many operators; each way to share them between both sides is equally likely. */
function drawInto(tokens: number[], random: CounterRandom, operators: number): void {
  if (operators === 0) {
    tokens.push(digitToken(random.below(10)));
    return;
  }
  const left = random.below(operators);
  tokens.push(TOKEN.open);
  drawInto(tokens, random, left);
  tokens.push(random.pick(OPERATORS));
  drawInto(tokens, random, operators - 1 - left);
  tokens.push(TOKEN.close);
}

/** All steps after the expression itself; the last is a digit. */
function stepsOf(expression: readonly number[]): number[][] {
  const steps: number[][] = [];
  let tokens = expression;
  while (tokens.length > 1) {
    const next = reduced(tokens);
    if (!next) throw new SyntaxError(`${decodeWords(expression)} is no expression in brackets`);
    steps.push(next);
    tokens = next;
  }
  return steps;
}

/** With the first innermost bracket, `( d o d )`, replaced by its value; null where there is none. */
function reduced(tokens: readonly number[]): number[] | null {
  const end = tokens.indexOf(TOKEN.close);
  const start = end + 1 - BRACKET_LENGTH;
  if (start < 0 || tokens[start] !== TOKEN.open) return null;
  const left = digitValue(tokens[start + 1]);
  const operator = tokens[start + 2];
  const right = digitValue(tokens[start + 3]);
  if (left === undefined || right === undefined || !OPERATORS.includes(operator)) return null;
  const value = digitToken(calculate(left, operator, right));
  return [...tokens.slice(0, start), value, ...tokens.slice(end + 1)];
}
