/** Finds the final answer in what a chat model wrote, and judges numbers and letters. Knows no mathematics beyond that. */
import type { Verdict } from "./verdict.ts";

/** Whether an answer equals the gold one; `answer` is the text that was found. */
export type AnswerEquality = (gold: string, answer: string) => boolean;

/**
 * Words that R1 counts as reflection (DeepSeek-R1, Nature 2025, analysis of the "aha moment"): each occurrence in the
 * thought, in any case, counts once.
 */
const REFLECTIONS = /\b(?:wait|mistake|however|but|retry|error|verify|wrong|evaluate|check)\b/gi;

const NUMBER = /-?\$?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|-?\.\d+/g;

/**
 * The answer that a text marks, behind its thought: the last of `<answer>…</answer>` (a box inside of it alone), else of
 * `\boxed{…}`, else of lines such as `#### 7`, `Answer: 7`, `The answer is 7.`; null where none is marked.
 */
export function markedAnswer(text: string): string | null {
  const content = afterThought(text);
  const tagged = lastTagged(content);
  const inside = tagged ?? content;
  const boxed = lastBoxed(inside);
  if (boxed !== null) return boxed.trim();
  if (tagged !== null) return tagged.trim();
  const line = [...content.matchAll(/^.*(?:####|\banswer\s*(?:is|:))\**:?\s*(.+)$/gim)].at(-1)?.[1];
  return line === undefined ? null : withoutEnd(line);
}

/** What stands in the last `<answer>`, which must be closed. */
function lastTagged(text: string): string | null {
  const start = text.lastIndexOf("<answer>");
  const end = text.indexOf("</answer>", start);
  return start < 0 || end < 0 ? null : text.slice(start + "<answer>".length, end);
}

/** Without the stop, the asterisks and the spaces behind. */
function withoutEnd(line: string): string {
  let end = line.length;
  while (end > 0 && " \t\r*.".includes(line[end - 1])) end--;
  return line.slice(0, end).trim();
}

/** What stands in the last `\boxed{…}`, braces matched. */
function lastBoxed(text: string): string | null {
  const start = text.lastIndexOf("\\boxed{");
  if (start < 0) return null;
  let depth = 0;
  for (let at = start + "\\boxed".length; at < text.length; at++) {
    if (text[at] === "{") depth++;
    if (text[at] === "}" && --depth === 0) return text.slice(start + "\\boxed{".length, at);
  }
  return null;
}

/** What follows the thought; nothing where the thought has no end. */
function afterThought(text: string): string {
  const content = text.split("</think>").at(-1)!;
  return content.includes("<think>") ? "" : content;
}

/** The last number of a text in plain form (`1,234.50` is `1234.5`); null where there is none. */
export function lastNumber(text: string): string | null {
  const found = [...text.matchAll(NUMBER)].at(-1)?.[0];
  return found === undefined ? null : plainNumber(found);
}

/** A number without separators, currency and needless zeros, its digits kept however many they are; null for what is no number. */
export function plainNumber(text: string): string | null {
  const match = /^(-?)\$?(\d[\d,]*|)(?:\.(\d+))?$/.exec(text.trim().replace(/^\+/, ""));
  if (!match || (match[2] === "" && match[3] === undefined)) return null;
  const whole = match[2].replaceAll(",", "").replace(/^0+(?=\d)/, "") || "0";
  const decimals = (match[3] ?? "").replace(/0+$/, "");
  const size = decimals ? `${whole}.${decimals}` : whole;
  return size === "0" ? "0" : match[1] + size;
}

/** A last number `"42"` of the answer; strict wants it marked, lenient takes the last number of the text. */
export function judgeNumber(gold: string, text: string, isFinished: boolean): Verdict {
  const marked = markedAnswer(text);
  const answer = marked === null ? null : lastNumber(marked);
  const last = lastNumber(afterThought(text));
  return verdict(
    text,
    { answer, last, isMarked: marked !== null, isFinished },
    plainNumber(gold) ?? gold,
  );
}

/** A letter of a choice, `A` to `J`; lenient takes the last one that stands alone. */
export function judgeLetter(gold: string, text: string, isFinished: boolean): Verdict {
  const marked = markedAnswer(text);
  const answer = marked === null ? null : lastLetter(marked);
  const last = lastLetter(afterThought(text));
  return verdict(text, { answer, last, isMarked: marked !== null, isFinished }, gold);
}

function lastLetter(text: string): string | null {
  return [...text.matchAll(/(?<![\w'’])([A-J])(?![\w'’])/g)].at(-1)?.[1] ?? null;
}

/** Any answer, by an equality that is given; lenient takes the last line. Answers that equal the gold one are one class. */
export function judgeAnswer(
  gold: string,
  text: string,
  isFinished: boolean,
  isEqual: AnswerEquality,
): Verdict {
  const marked = markedAnswer(text);
  const lastLine = afterThought(text).trim().split("\n").at(-1)!.trim();
  const asClass = (answer: string | null) =>
    answer === null || answer === "" ? null : isEqual(gold, answer) ? gold : answer;
  const found = { answer: asClass(marked), last: asClass(lastLine) };
  return verdict(text, { ...found, isMarked: marked !== null, isFinished }, gold);
}

interface FoundAnswer {
  readonly answer: string | null;
  readonly last: string | null;
  readonly isMarked: boolean;
  readonly isFinished: boolean;
}

function verdict(text: string, found: FoundAnswer, gold: string): Verdict {
  const { answer, last, isMarked, isFinished } = found;
  const isRight = answer === gold;
  const end = text.lastIndexOf("</think>");
  const thought = end < 0 ? text : text.slice(0, end);
  return {
    hasFormat: isMarked && isFinished,
    isRight,
    isStrictlyRight: isRight && isFinished,
    isLenientlyRight: isMarked ? isRight : last === gold,
    answerClass: answer,
    languageShare: null,
    thoughtLength: null,
    reflections: [...thought.matchAll(REFLECTIONS)].length,
  };
}
