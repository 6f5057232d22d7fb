/** CHAIN: running sums modulo 10, each under its digit's label or, with CHAIN6, without labels. */
import type { CounterRandom } from "../../counter_random.ts";
import { digitToken, digitValue } from "../digits.ts";
import type { ChainProblem, ProblemKind } from "./problem.ts";
import { TOKEN } from "../vocabulary.ts";

const MAX_LENGTH = 12;

/** Labelled, 2 to 10 digits. The label makes it easy to find where a running sum goes on. */
export const chain: ProblemKind<ChainProblem> = {
  levels: [2, 3, 4, 5, 6, 7, 8, 9, 10],
  hardLevels: [5, 6, 7, 8, 9, 10],
  unseenLevels: [11, 12],
  draw: (random, levels) => drawChain(random, levels, true),
  level: ({ digits }) => digits.length,
  key: ({ digits }) => `CHAIN ${digits.join(" ")}`,
  question: ({ digits, isLabelled }) => written(digits, isLabelled),
  read(question) {
    const isLabelled = question[0] === TOKEN.firstLabel;
    const digits = isLabelled ? question.filter((_, at) => at % 2 === 1) : question;
    const values = digits.map(digitValue);
    const known = values.filter((value) => value !== undefined);
    if (known.length < 2 || known.length !== values.length || known.length > MAX_LENGTH) {
      return null;
    }
    if (written(known, isLabelled).some((token, at) => token !== question[at])) return null;
    if (isLabelled && question.length !== 2 * known.length) return null;
    return { kind: "CHAIN", digits: known, isLabelled };
  },
  solve({ digits, isLabelled }) {
    const sums = runningSums(digits);
    return { thought: written(sums, isLabelled), answer: [digitToken(sums[sums.length - 1])] };
  },
  answerClass: (_, answer) =>
    answer.length === 1 ? digitValue(answer[0])?.toString() ?? null : null,
  rightClass: ({ digits }) => runningSums(digits)[digits.length - 1].toString(),
};

/** Six digits without labels: the smallest task on which thinking takes off. */
export const chain6: ProblemKind<ChainProblem> = {
  ...chain,
  levels: [6],
  hardLevels: [6],
  unseenLevels: undefined,
  draw: (random, levels) => drawChain(random, levels, false),
};

function drawChain(
  random: CounterRandom,
  levels: readonly number[],
  isLabelled: boolean,
): ChainProblem {
  const digits = Array.from({ length: random.pick(levels) }, () => random.below(10));
  return { kind: "CHAIN", digits, isLabelled };
}

function written(digits: readonly number[], isLabelled: boolean): number[] {
  if (!isLabelled) return digits.map(digitToken);
  return digits.flatMap((digit, at) => [TOKEN.firstLabel + at, digitToken(digit)]);
}

function runningSums(digits: readonly number[]): number[] {
  let sum = 0;
  return digits.map((digit) => sum = (sum + digit) % 10);
}
