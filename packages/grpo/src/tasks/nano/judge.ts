/** The exact verifier: format, accuracy and language of a completion, strict and lenient, with what evaluation counts besides. Draws and trains nothing. */
import { failedTries } from "./problems/countdown.ts";
import { languageShare, plainDigits } from "./digits.ts";
import { isGeneral, NANO_TASKS, type NanoPrompt, readPrompt } from "./prompt.ts";
import type { Verdict } from "../verdict.ts";
import { readWords, TOKEN } from "./vocabulary.ts";

/** What a completion of a nano task is worth; the rules are in docs/tasks.md. */
export interface NanoVerdict extends Verdict {
  /** Share of digits of the thought (of the answer, where nothing is to be thought) in the language asked for; 0 without any. */
  readonly languageShare: number;
  readonly thoughtLength: number;
  /** How often a failed try (`x`) is followed by another one in the thought. */
  readonly reflections: number;
}

/**
 * Judges a completion of a prompt; null where the prompt is none of these tasks.
 *
 * `isFinished` says that the end token came. Rules: `docs/tasks.md`, section "Verifier".
 *
 * @example
 * ```ts
 * import { judgeNano } from "@aha/grpo/tasks";
 *
 * const verdict = judgeNano(
 *   "<s> <en> CHAIN A 9 B 4 C 8 ?",
 *   "<think> A 9 B 3 C 1 </think> <answer> 1 </answer>",
 *   true,
 * );
 * console.log(verdict?.isStrictlyRight, verdict?.languageShare); // true 1
 * ```
 */
export function judgeNano(
  prompt: string,
  completion: string,
  isFinished: boolean,
): NanoVerdict | null {
  const asked = readPrompt(readWords(prompt));
  return asked && judgeIds(asked, readWords(completion), isFinished);
}

/** As `judgeNano`, of ids of the vocabulary; the end token may stand at the end or be left out. */
export function judgeIds(
  asked: NanoPrompt,
  completion: readonly number[],
  isFinished: boolean,
): NanoVerdict {
  const ids = completion.at(-1) === TOKEN.end ? completion.slice(0, -1) : completion;
  const hasFormat = isFinished && isFormatted(ids);
  const tagged = taggedAnswer(ids);
  const thought = thoughtOf(ids);
  const answerClass = classOf(asked, tagged);
  const right = NANO_TASKS[asked.task].rightClass(asked.problem);
  const isRight = answerClass === right;
  const spoken = isGeneral(asked.problem) ? tagged ?? [] : thought;
  return {
    hasFormat,
    isRight,
    isStrictlyRight: isRight && hasFormat,
    isLenientlyRight: tagged ? isRight : classOf(asked, untaggedAnswer(ids)) === right,
    answerClass,
    languageShare: languageShare(spoken, asked.language),
    thoughtLength: thought.length,
    reflections: failedTries(plainDigits(thought)),
  };
}

/** Class of an answer; a general one in another language has none. */
function classOf({ task, problem, language }: NanoPrompt, answer: number[] | null): string | null {
  if (!answer) return null;
  if (isGeneral(problem) && languageShare(answer, language) < 1) return null;
  return NANO_TASKS[task].answerClass(problem, plainDigits(answer));
}

const TAGS: readonly number[] = [TOKEN.think, TOKEN.thinkEnd, TOKEN.answer, TOKEN.answerEnd];

function isFormatted(ids: readonly number[]): boolean {
  const tags = ids.filter((id) => TAGS.includes(id));
  if (tags.length !== TAGS.length || tags.some((tag, at) => tag !== TAGS[at])) return false;
  const answer = ids.indexOf(TOKEN.answer);
  const isClosed = ids[0] === TOKEN.think && ids.at(-1) === TOKEN.answerEnd;
  return isClosed && ids[answer - 1] === TOKEN.thinkEnd && ids.length - answer > 2;
}

function thoughtOf(ids: readonly number[]): number[] {
  const start = ids.indexOf(TOKEN.think);
  if (start < 0) return [];
  const end = ids.indexOf(TOKEN.thinkEnd, start);
  return ids.slice(start + 1, end < 0 ? undefined : end);
}

/** What stands in the last answer tags; null where there are none. */
function taggedAnswer(ids: readonly number[]): number[] | null {
  const end = ids.lastIndexOf(TOKEN.answerEnd);
  const start = ids.lastIndexOf(TOKEN.answer, end);
  return start < 0 || end < 0 ? null : ids.slice(start + 1, end);
}

function untaggedAnswer(ids: readonly number[]): number[] {
  const rest = ids.filter((id) => id !== TOKEN.answer && id !== TOKEN.answerEnd);
  return rest.slice(1 + Math.max(rest.lastIndexOf(TOKEN.equals), rest.lastIndexOf(TOKEN.thinkEnd)));
}
