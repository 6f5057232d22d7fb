/** The words of the nano tasks with their ids, and text to and from ids. Knows no task. */

/**
 * The 59 words by id, filled up to 64. A model of these tasks has this vocabulary; a text is its words joined by
 * spaces, `<s> <en> CHAIN A 9 B 4 C 8 ?`.
 */
export const VOCABULARY: readonly string[] = [
  ...["<pad>", "<s>", "</s>", "<think>", "</think>", "<answer>", "</answer>", "<en>", "<xx>"],
  ...["CHAIN", "MUL", "EVAL", "CD", "REV", "COPY", "SORT"],
  ..."0123456789",
  ..."abcdefghij",
  ..."+-*=();:xy?",
  ..."ABCDEFGHIJKL",
  ...[1, 2, 3, 4, 5].map((number) => `<unused${number}>`),
];

const IDS: ReadonlyMap<string, number> = new Map(VOCABULARY.map((word, id) => [word, id]));

/** The id of a word of the vocabulary, for constants. */
function id(word: string): number {
  return IDS.get(word)!;
}

/** Names of ids that the code speaks of. */
export type TokenName =
  | "pad"
  | "begin"
  | "end"
  | "think"
  | "thinkEnd"
  | "answer"
  | "answerEnd"
  | "en"
  | "xx"
  | "zero"
  | "zeroXx"
  | "plus"
  | "minus"
  | "times"
  | "equals"
  | "open"
  | "close"
  | "semicolon"
  | "colon"
  | "miss"
  | "hit"
  | "question"
  | "firstLabel";

/** Ids that the code speaks of. */
export const TOKEN: Readonly<Record<TokenName, number>> = {
  pad: id("<pad>"),
  begin: id("<s>"),
  end: id("</s>"),
  think: id("<think>"),
  thinkEnd: id("</think>"),
  answer: id("<answer>"),
  answerEnd: id("</answer>"),
  en: id("<en>"),
  xx: id("<xx>"),
  zero: id("0"),
  zeroXx: id("a"),
  plus: id("+"),
  minus: id("-"),
  times: id("*"),
  equals: id("="),
  open: id("("),
  close: id(")"),
  semicolon: id(";"),
  colon: id(":"),
  miss: id("x"),
  hit: id("y"),
  question: id("?"),
  firstLabel: id("A"),
};

/** What a word outside of the vocabulary is where it is no error. */
export const UNKNOWN = -1;

/** A word in brackets, a name of a task, or one character; what does not belong together needs a space between (`C D`). */
const WORD = /<[^\s<>]*>|CHAIN|MUL|EVAL|CD|REV|COPY|SORT|\S/gu;

/**
 * Ids of a text of the vocabulary. Spaces between words may be missing where it stays clear what is meant.
 *
 * @throws {SyntaxError} for a word that is none, with its place
 *
 * @example
 * ```ts
 * import { decodeWords, encodeWords } from "@aha/grpo/tasks";
 *
 * const ids = encodeWords("<s> <en> CHAIN A 9 B 4 ?");
 * console.log(ids, decodeWords(ids));
 * ```
 */
export function encodeWords(text: string): number[] {
  return Array.from(text.matchAll(WORD), ({ 0: word, index }) => {
    const found = IDS.get(word);
    if (found !== undefined) return found;
    throw new SyntaxError(
      `${JSON.stringify(word)} at character ${index} is no word of the nano tasks`,
    );
  });
}

/** As `encodeWords`, with -1 for what is no word: answers of models are read so. */
export function readWords(text: string): number[] {
  return Array.from(text.matchAll(WORD), ([word]) => IDS.get(word) ?? UNKNOWN);
}

/**
 * The text of ids: their words joined by spaces; `encodeWords` gives the ids back.
 *
 * @throws {RangeError} for an id that has no word
 */
export function decodeWords(ids: ArrayLike<number>): string {
  return Array.from(ids, (id) => {
    if (VOCABULARY[id] === undefined) {
      throw new RangeError(`id ${id} has no word, there are ${VOCABULARY.length}`);
    }
    return VOCABULARY[id];
  }).join(" ");
}
