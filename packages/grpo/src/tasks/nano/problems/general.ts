/** REV, COPY and SORT: digits put in another order, in the language that the prompt asks for. Nothing is thought. */
import { digitToken, digitValue } from "../digits.ts";
import type { GeneralProblem, ProblemKind } from "./problem.ts";
import { decodeWords } from "../vocabulary.ts";

const KINDS = ["REV", "COPY", "SORT"] as const;
const SHORTEST = 3;
const LONGEST = 8;

/** The level is the number of digits. */
export const general: ProblemKind<GeneralProblem> = {
  levels: [3, 4, 5, 6, 7, 8],
  hardLevels: [3, 4, 5, 6, 7, 8],
  draw(random, levels) {
    const kind = random.pick(KINDS);
    const digits = Array.from({ length: random.pick(levels) }, () => random.below(10));
    return { kind, digits };
  },
  level: ({ digits }) => digits.length,
  key: ({ kind, digits }) => `${kind} ${digits.join(" ")}`,
  question: ({ digits }) => digits.map(digitToken),
  read(question, word) {
    const kind = KINDS.find((name) => name === word);
    const digits = question.map(digitValue).filter((value) => value !== undefined);
    if (!kind || digits.length !== question.length) return null;
    return digits.length < SHORTEST || digits.length > LONGEST ? null : { kind, digits };
  },
  solve: (problem) => ({ thought: [], answer: arranged(problem).map(digitToken) }),
  answerClass: (_, answer) =>
    answer.length > 0 && answer.every((token) => digitValue(token) !== undefined)
      ? decodeWords(answer)
      : null,
  rightClass: (problem) => arranged(problem).join(" "),
};

function arranged({ kind, digits }: GeneralProblem): number[] {
  if (kind === "REV") return [...digits].reverse();
  return kind === "SORT" ? [...digits].sort() : [...digits];
}
