/** What a kind of problem has to say for itself. Types only; all tokens are in `0-9`, whatever language they come in. */
import type { CounterRandom } from "../../counter_random.ts";

/** Digits with a running sum modulo 10; `isLabelled`: a letter before each digit. */
export interface ChainProblem {
  readonly kind: "CHAIN";
  readonly digits: readonly number[];
  readonly isLabelled: boolean;
}

/** Product of two numbers from 10 to 99. */
export interface MultiplyProblem {
  readonly kind: "MUL";
  readonly a: number;
  readonly b: number;
}

/** A fully bracketed expression modulo 10, as tokens. */
export interface ExpressionProblem {
  readonly kind: "EVAL";
  readonly expression: readonly number[];
}

/** Three digits to be joined to a target, left to right, modulo 10. */
export interface CountdownProblem {
  readonly kind: "CD";
  readonly numbers: readonly number[];
  readonly target: number;
}

/** Digits to be reversed, copied or sorted. */
export interface GeneralProblem {
  readonly kind: "REV" | "COPY" | "SORT";
  readonly digits: readonly number[];
}

/** A problem of one of the kinds. */
export type NanoProblem =
  | ChainProblem
  | MultiplyProblem
  | ExpressionProblem
  | CountdownProblem
  | GeneralProblem;

/** A way to an answer, as tokens. */
export interface Solution {
  /** Empty where nothing is to be thought. */
  readonly thought: readonly number[];
  readonly answer: readonly number[];
}

/** Generator, exact verifier and levels of one kind of problem. */
export interface ProblemKind<Problem> {
  /** All levels that are trained; the higher, the harder. */
  readonly levels: readonly number[];
  /** Levels of evaluation: those that are not solved at sight. */
  readonly hardLevels: readonly number[];
  /** Levels that are never trained, where there are any. */
  readonly unseenLevels?: readonly number[];
  /** A problem of one of the levels. */
  draw(random: CounterRandom, levels: readonly number[]): Problem;
  level(problem: Problem): number;
  /** Equal for problems that must be on one side of the split. */
  key(problem: Problem): string;
  /** The question's tokens between the task's word and `?`. */
  question(problem: Problem): number[];
  /** The problem of a question and the task's word before it; null where it is none. */
  read(question: readonly number[], word: string): Problem | null;
  solve(problem: Problem, random: CounterRandom): Solution;
  /** What an answer comes to: equal for answers that say the same; null for what is no answer. */
  answerClass(problem: Problem, answer: readonly number[]): string | null;
  /** The class of right answers. */
  rightClass(problem: Problem): string;
}
