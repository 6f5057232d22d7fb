/** Digits in two languages, `0-9` and `a-j`: one token a digit. Inside, all is written in `0-9`; here it is put into a language and back. */
import type { CounterRandom } from "../counter_random.ts";
import { TOKEN } from "./vocabulary.ts";

/** `"en"`: 0-9. `"xx"`: a-j, a = 0. */
export type Language = "en" | "xx";

/** How digits are written: in one language, or changing it on the way. */
export type DigitStyle = Language | "mixed";

export const LANGUAGES: readonly Language[] = ["en", "xx"];

/** How often a mixed text changes its language before a digit. */
const SWITCH_SHARE = 0.3;

const SHIFT = TOKEN.zeroXx - TOKEN.zero;

/** The token of a digit 0..9, in `0-9`. */
export function digitToken(digit: number): number {
  return TOKEN.zero + digit;
}

/** The language of a digit token; undefined for all other tokens. */
export function digitLanguage(token: number): Language | undefined {
  if (token < TOKEN.zero || token >= TOKEN.zeroXx + 10) return undefined;
  return token < TOKEN.zeroXx ? "en" : "xx";
}

/** The value of a digit token of `0-9`; undefined for all other tokens. */
export function digitValue(token: number | undefined): number | undefined {
  if (token === undefined || digitLanguage(token) !== "en") return undefined;
  return token - TOKEN.zero;
}

/** The tokens with all digits in `0-9`. */
export function plainDigits(tokens: ArrayLike<number>): number[] {
  return Array.from(tokens, (token) => digitLanguage(token) === "xx" ? token - SHIFT : token);
}

/** Share of digits that are in the language, of all digits; 0 where there are none. */
export function languageShare(tokens: readonly number[], language: Language): number {
  let digits = 0;
  let matching = 0;
  for (const token of tokens) {
    const found = digitLanguage(token);
    if (found) digits++;
    if (found === language) matching++;
  }
  return digits === 0 ? 0 : matching / digits;
}

/** Puts tokens into a style, one piece after the other: a mixed text goes on in the language it is in. */
export class DigitWriter {
  readonly #random: CounterRandom;
  readonly #isMixed: boolean;
  #language: Language;

  constructor(style: DigitStyle, random: CounterRandom) {
    this.#random = random;
    this.#isMixed = style === "mixed";
    this.#language = style === "mixed" ? random.pick(LANGUAGES) : style;
  }

  /** Writes tokens whose digits are in `0-9` behind those of `out`. */
  write(tokens: readonly number[], out: number[]): void {
    for (const token of tokens) {
      const isDigit = digitLanguage(token) !== undefined;
      if (isDigit && this.#isMixed && this.#random.fraction() < SWITCH_SHARE) {
        this.#language = this.#language === "en" ? "xx" : "en";
      }
      out.push(isDigit && this.#language === "xx" ? token + SHIFT : token);
    }
  }
}
