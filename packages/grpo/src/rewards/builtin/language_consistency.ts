/** R1's reward against mixed languages: the share of words in the target language. Tells languages by their scripts, not by their words. */
import { reasoningPart } from "../columns.ts";
import type { RewardFunction } from "../reward.ts";
import { scoreRows } from "../row_errors.ts";

/** Scripts of languages that have one of their own. */
const SCRIPTS: Readonly<Record<string, readonly string[]>> = {
  ar: ["Arabic"],
  bn: ["Bengali"],
  de: ["Latin"],
  el: ["Greek"],
  en: ["Latin"],
  es: ["Latin"],
  fr: ["Latin"],
  he: ["Hebrew"],
  hi: ["Devanagari"],
  it: ["Latin"],
  ja: ["Han", "Hiragana", "Katakana"],
  ko: ["Hangul"],
  pt: ["Latin"],
  ru: ["Cyrillic"],
  ta: ["Tamil"],
  th: ["Thai"],
  uk: ["Cyrillic"],
  zh: ["Han"],
};

/** Languages that the reward knows by their scripts. */
export const LANGUAGES: readonly string[] = Object.keys(SCRIPTS);

/** Written without spaces: a letter counts as a word. */
const SPACELESS = "\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\p{Script=Thai}";
const WORDS = new RegExp(`[${SPACELESS}]|[^\\P{L}${SPACELESS}][\\p{L}\\p{M}'’-]*`, "gu");
/** Code and formulas are of no language. */
const NEUTRAL =
  /```[^]*?```|\$\$[^$]*\$\$|\$[^$\n]*\$|\\\[[^]*?\\\]|\\\([^]*?\\\)|\\[A-Za-z]+|<\/?\w+>/g;

/** Whether a word is in the target language; null for words that count for neither. */
export type WordClassifier = (word: string) => boolean | null;

/** Options of the reward: a language, or a classifier of one's own. */
export interface LanguageConsistencyOptions {
  /** ISO 639-1. Languages of one script (English, French) are not told apart. */
  readonly language?: string;
  /** Says of each word whether it is in the target language. Code only. */
  readonly classify?: WordClassifier;
  /** Or a pattern of the words that count, and one of those in the target language, for made languages of tasks. */
  readonly words?: string;
  readonly target?: string;
  /** `"reasoning"` (default): what stands in `<think>`; `"whole"`: all of it. */
  readonly part?: "reasoning" | "whole";
}

/**
 * Words in the target language divided by words, null where there are none (R1, arXiv 2501.12948, section 2.3.2: the share of
 * target-language words in the chain of thought).
 *
 * Throws a RangeError for a language that is not known, a TypeError unless exactly one way to tell words is given, a SyntaxError for a malformed pattern.
 */
export function languageConsistencyReward(options: LanguageConsistencyOptions): RewardFunction {
  const { part = "reasoning", words } = options;
  const classify = classifierOf(options);
  const pattern = words === undefined ? WORDS : new RegExp(words, "gu");
  return scoreRows(({ completion }) => {
    const text = part === "reasoning" ? reasoningPart(completion) : completion;
    const plain = words === undefined ? text.replace(NEUTRAL, " ") : text;
    const verdicts = [...plain.matchAll(pattern)].map(([word]) => classify(word));
    const counted = verdicts.filter((verdict) => verdict !== null);
    return counted.length === 0 ? null : counted.filter(Boolean).length / counted.length;
  });
}

function classifierOf(
  { language, classify, words, target }: LanguageConsistencyOptions,
): WordClassifier {
  const given = [language, classify, target].filter((way) => way !== undefined).length;
  if (given !== 1 || (words !== undefined && target === undefined)) {
    throw new TypeError(
      "language_consistency needs one of language, classify, or target with words",
    );
  }
  if (classify) return classify;
  if (target !== undefined) {
    const pattern = new RegExp(`^(?:${target})$`, "u");
    return (word) => pattern.test(word);
  }
  const scripts = SCRIPTS[language!];
  if (!scripts) {
    throw new RangeError(`language is ${language}, it must be one of ${LANGUAGES.join(", ")}`);
  }
  const letter = new RegExp(`[${scripts.map((script) => `\\p{Script=${script}}`).join("")}]`, "u");
  return (word) => letter.test(word);
}
