/** Hides control tokens that stand in message text while a template is rendered. Renders and encodes nothing itself. */
import { textPattern } from "../text_pattern.ts";

/** First and last stand-in: private use characters (Unicode 17.0, section 23.5), which no template means. */
const FIRST_STAND_IN = 0xe000;
const LAST_STAND_IN = 0xf8ff;

/** The texts of the control tokens of one vocabulary, and what is needed to find them. */
export class ControlTexts {
  /** Finds any control token, the longest first; undefined when there are none. */
  readonly pattern: RegExp | undefined;
  /** The distinct first characters. */
  readonly firstCharacters: readonly string[];
  readonly #prefixes = new Set<string>();
  readonly #longest: number;

  constructor(texts: Iterable<string>) {
    const sorted = [...texts].filter((text) => text !== "").sort((a, b) => b.length - a.length);
    this.pattern = textPattern(sorted);
    this.firstCharacters = [...new Set(sorted.map(firstCharacter))];
    this.#longest = sorted.length > 0 ? sorted[0].length : 0;
    for (const text of sorted) {
      for (let end = 1; end < text.length; end++) this.#prefixes.add(text.slice(0, end));
    }
  }

  /** Lengths, the greatest first, of the endings of `text` with which a control token could begin. */
  unfinishedEndings(text: string): number[] {
    const lengths: number[] = [];
    for (let length = Math.min(this.#longest - 1, text.length); length > 0; length--) {
      if (this.#prefixes.has(text.slice(text.length - length))) lengths.push(length);
    }
    return lengths;
  }
}

/**
 * Replaces the first character of each control token in message text by a stand-in that occurs
 * nowhere else, so that after rendering only the template's own control tokens are intact.
 */
export class ControlGuard {
  readonly #texts: ControlTexts;
  readonly #standIns = new Map<string, string>();
  readonly #originals = new Map<string, string>();
  /** Stands around the number of a placeholder. */
  readonly #mark: string;

  /** @param used all texts that take part: no stand-in occurs in them */
  constructor(texts: ControlTexts, used: string) {
    this.#texts = texts;
    let code = FIRST_STAND_IN;
    const unused = (): string => {
      while (used.includes(String.fromCharCode(code))) code++;
      if (code > LAST_STAND_IN) throw new RangeError("The messages use every private character");
      return String.fromCharCode(code++);
    };
    for (const character of texts.firstCharacters) {
      const standIn = unused();
      this.#standIns.set(character, standIn);
      this.#originals.set(standIn, character);
    }
    this.#mark = unused();
  }

  /** A text that stands for something which is no text; `parts` finds it again. */
  placeholder(number: number): string {
    return `${this.#mark}${number}${this.#mark}`;
  }

  /** Cuts rendered text at its placeholders; what a template has left of a broken one is dropped. */
  parts(rendered: string): { readonly text: string; readonly placeholder?: number }[] {
    const cut = rendered.split(new RegExp(`${this.#mark}(\\d+)${this.#mark}`));
    return cut.map((part, i) =>
      i % 2 === 0
        ? { text: part.replaceAll(this.#mark, "") }
        : { text: "", placeholder: Number(part) }
    );
  }

  /** A copy of `value` in which every text, also of keys, has its control tokens hidden; `texts` may be some of them. */
  hide<T>(value: T, texts: ControlTexts = this.#texts): T {
    return this.#hideAny(value, texts) as T;
  }

  /** The text as it was before `hide`. */
  reveal(text: string): string {
    let revealed = text;
    for (const [standIn, original] of this.#originals) {
      revealed = revealed.replaceAll(standIn, () => original);
    }
    return revealed;
  }

  #hideAny(value: unknown, texts: ControlTexts): unknown {
    if (typeof value === "string") return this.#hideText(value, texts);
    if (Array.isArray(value)) return value.map((item) => this.#hideAny(item, texts));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map((
        [key, item],
      ) => [this.#hideText(key, texts), this.#hideAny(item, texts)]),
    );
  }

  #hideText(text: string, texts: ControlTexts): string {
    const { pattern } = texts;
    if (!pattern) return text;
    let hidden = text;
    // again until none is left: two tokens may overlap
    while (hidden.search(pattern) >= 0) hidden = hidden.replace(pattern, (m) => this.#hideFirst(m));
    // a token must not arise either where one text ends and the next begins, spaces trimmed or not
    const space = hidden.slice(hidden.trimEnd().length);
    let core = hidden.trimEnd();
    for (const length of texts.unfinishedEndings(core)) {
      const start = core.length - length;
      core = core.slice(0, start) + this.#hideFirst(core.slice(start));
    }
    return core + space;
  }

  #hideFirst(text: string): string {
    const character = firstCharacter(text);
    return (this.#standIns.get(character) ?? character) + text.slice(character.length);
  }
}

function firstCharacter(text: string): string {
  return String.fromCodePoint(text.codePointAt(0) as number);
}
