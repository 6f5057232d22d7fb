/** Whether a text answers a question as its gold answer does. The public face of this folder; the rules are in its other files. */
import type { Answer } from "./answer.ts";
import { isEqualAnswer } from "./compare_answers.ts";
import { type AnswerPlaces, extractAnswers, isProse } from "./extract_answer.ts";
import { plainNumber } from "./plain_answers.ts";
import { readAnswer } from "./read_answer.ts";

/** How a prediction is read. */
export interface VerifyOptions {
  /** `"any"` (default): also numbers in prose; `"latex"`: boxes, and formulas that the word "answer" announces (TRL's rule). */
  readonly places?: AnswerPlaces;
}

/**
 * Whether a prediction is the gold answer; `null` where the gold answer cannot be read.
 *
 * Gold first, prediction second: the two are not treated alike (see `docs/rewards.md`). A pair takes bounded time: texts are
 * read from their end, formulas in one pass, and no equation is solved.
 *
 * @example
 * ```ts
 * import { verifyAnswer } from "@aha/grpo/rewards";
 *
 * console.log(verifyAnswer("$\\frac{3}{4}$", "Therefore the answer is \\boxed{0.75}.")); // true
 * console.log(verifyAnswer("$x = 5$", "It is 5.")); // true
 * console.log(verifyAnswer("(1, 2]", "$[1, 2)$")); // false
 * ```
 */
export function verifyAnswer(
  gold: string,
  prediction: string,
  { places = "any" }: VerifyOptions = {},
): boolean | null {
  const wanted = readGold(gold);
  if (!wanted) return null;
  const given = firstReadable(extractAnswers(prediction, places));
  if (given && isEqualAnswer(wanted, given)) return true;
  const words = wantedWords(wanted);
  return words && places === "any" ? isAnnouncedWord(words, prediction) : false;
}

/** Gold answers are the formula itself, or a whole solution that ends in one. */
function readGold(gold: string): Answer | undefined {
  const text = gold.trim();
  if (text === "") return undefined;
  if (!/\\boxed|\$|\\\(|\\\[|####|<answer>/.test(text) && !isProse(text)) {
    return readAnswer(plainNumber(text) ?? text);
  }
  return firstReadable(extractAnswers(text));
}

/** The first that is a formula, else the first at all. */
function firstReadable(found: readonly string[]): Answer | undefined {
  const answers = found.map((latex) => readAnswer(latex));
  return answers.find(({ kind }) => kind !== "text") ?? answers[0];
}

/** Letters of a choice, or words, which stand in prose without any sign. */
function wantedWords(gold: Answer): string | undefined {
  if (gold.kind !== "text" && gold.kind !== "value") return undefined;
  const words = gold.source.replace(/[()]/g, "").trim();
  return /^(?:[A-Z]|[A-Za-z][A-Za-z' -]{1,60})$/.test(words) ? words : undefined;
}

/** Whether the last "answer is ..." or "answer: ..." of the text says these words and nothing else. */
function isAnnouncedWord(words: string, text: string): boolean {
  if (/\\boxed|<answer>/.test(text)) return false;
  const announced = [...text.slice(-2000).matchAll(/answer(?:\s+is\b|\s*\**:)\s*([^.\n]{1,80})/gi)];
  const said = announced[announced.length - 1]?.[1].replace(/[*()"'`:$]/g, "").trim();
  return said?.toLowerCase() === words.toLowerCase();
}
