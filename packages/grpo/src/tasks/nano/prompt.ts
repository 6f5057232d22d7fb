/** The tasks by name, and prompts from and to problems: `<s> <en> CHAIN A 9 B 4 ?`. Judges nothing. */
import type { CounterRandom } from "../counter_random.ts";
import { chain, chain6 } from "./problems/chain.ts";
import { countdown } from "./problems/countdown.ts";
import { type DigitStyle, DigitWriter, type Language, plainDigits } from "./digits.ts";
import { expression } from "./problems/expression.ts";
import { general } from "./problems/general.ts";
import { multiply } from "./problems/multiply.ts";
import type { GeneralProblem, NanoProblem, ProblemKind } from "./problems/problem.ts";
import { encodeWords, TOKEN, VOCABULARY } from "./vocabulary.ts";

/** A task to draw from. GENERAL is REV, COPY and SORT, equally often. */
export type NanoTaskName = "CHAIN" | "CHAIN6" | "MUL" | "EVAL" | "CD" | "GENERAL";

/** Generators and verifiers by name. */
export const NANO_TASKS: Readonly<Record<NanoTaskName, ProblemKind<NanoProblem>>> = {
  CHAIN: chain as ProblemKind<NanoProblem>,
  CHAIN6: chain6 as ProblemKind<NanoProblem>,
  MUL: multiply as ProblemKind<NanoProblem>,
  EVAL: expression as ProblemKind<NanoProblem>,
  CD: countdown as ProblemKind<NanoProblem>,
  GENERAL: general as ProblemKind<NanoProblem>,
};

/** A prompt with what it asks for. */
export interface NanoPrompt {
  readonly task: NanoTaskName;
  readonly problem: NanoProblem;
  /** The language that is asked for: the tag. */
  readonly language: Language;
}

/** The task that a problem belongs to. */
export function taskOf(problem: NanoProblem): NanoTaskName {
  if (problem.kind === "CHAIN") return problem.isLabelled ? "CHAIN" : "CHAIN6";
  return isGeneral(problem) ? "GENERAL" : problem.kind;
}

/** Whether the answer must be in the language that is asked for, and nothing is thought. */
export function isGeneral(problem: NanoProblem): problem is GeneralProblem {
  return problem.kind === "REV" || problem.kind === "COPY" || problem.kind === "SORT";
}

/**
 * Ids of a prompt. Reasoning tasks come in the language that is asked for; `style` writes the question of a general
 * one, which comes in either.
 */
export function writePrompt(
  { task, problem, language }: NanoPrompt,
  style: DigitStyle,
  random: CounterRandom,
): number[] {
  const ids = [TOKEN.begin, TOKEN[language], ...encodeWords(problem.kind)];
  new DigitWriter(style, random).write(NANO_TASKS[task].question(problem), ids);
  ids.push(TOKEN.question);
  return ids;
}

/** What a prompt asks for; null where it is no prompt of these tasks. `<s>` and the tag may be missing: then `en` is asked for. */
export function readPrompt(ids: readonly number[]): NanoPrompt | null {
  let at = ids[0] === TOKEN.begin ? 1 : 0;
  const language: Language = ids[at] === TOKEN.xx ? "xx" : "en";
  if (ids[at] === TOKEN.xx || ids[at] === TOKEN.en) at++;
  const word = VOCABULARY[ids[at]];
  const question = plainDigits(ids.slice(at + 1));
  if (question.pop() !== TOKEN.question) return null;
  const problem = kindOfWord(word)?.read(question, word);
  return problem ? { task: taskOf(problem), problem, language } : null;
}

function kindOfWord(word: string): ProblemKind<NanoProblem> | undefined {
  if (word === "REV" || word === "COPY" || word === "SORT") return NANO_TASKS.GENERAL;
  return word in NANO_TASKS ? NANO_TASKS[word as NanoTaskName] : undefined;
}
