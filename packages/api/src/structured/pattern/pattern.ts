/** Regular expressions of JSON Schema as trees. Matches nothing. */
import type { CodePointRanges } from "../automaton/code_points.ts";
import { CLASSES, inverted, united } from "./code_point_sets.ts";

/** A regular expression; `start` and `end` are the anchors. */
export type Pattern =
  | { readonly kind: "characters"; readonly ranges: CodePointRanges }
  | { readonly kind: "sequence" | "choice"; readonly of: readonly Pattern[] }
  | {
    readonly kind: "repeat";
    readonly of: Pattern;
    readonly min: number;
    readonly max: number;
  }
  | { readonly kind: "start" | "end" };

/** A pattern that is wrong or says what no automaton of bounded size can hold. */
export class PatternError extends RangeError {
  override readonly name = "PatternError";
}

const MAX_DEPTH = 64;
const CONTROL_ESCAPES: Readonly<Record<string, number>> = { t: 9, n: 10, v: 11, f: 12, r: 13 };

/**
 * Reads a regular expression in the syntax of ECMAScript with the flag `u`. Throws a PatternError where it is not one, and
 * for what needs more than a finite automaton or tables of Unicode: assertions but for `^` and `$`, references, `\p`.
 */
export function parsePattern(text: string): Pattern {
  try {
    new RegExp(text, "u");
  } catch {
    throw new PatternError("The pattern is no regular expression with the flag u");
  }
  return new PatternParser(text).parse();
}

/** Recursive descent over code points; the syntax is known to be right. */
class PatternParser {
  readonly #characters: readonly string[];
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#characters = [...text];
  }

  parse(): Pattern {
    return this.#choice();
  }

  #choice(): Pattern {
    if (++this.#depth > MAX_DEPTH) throw new PatternError("The pattern is nested too deeply");
    const of = [this.#sequence()];
    while (this.#takes("|")) of.push(this.#sequence());
    this.#depth--;
    return of.length === 1 ? of[0] : { kind: "choice", of };
  }

  #sequence(): Pattern {
    const of: Pattern[] = [];
    while (this.#at < this.#characters.length && !"|)".includes(this.#characters[this.#at])) {
      of.push(this.#repeated(this.#atom()));
    }
    return { kind: "sequence", of };
  }

  #repeated(of: Pattern): Pattern {
    let bounds: readonly [number, number] | undefined;
    if (this.#takes("*")) bounds = [0, Infinity];
    else if (this.#takes("+")) bounds = [1, Infinity];
    else if (this.#takes("?")) bounds = [0, 1];
    else if (this.#takes("{")) {
      const [min, max] = this.#until("}").split(",");
      bounds = [Number(min), max === undefined ? Number(min) : max === "" ? Infinity : Number(max)];
    }
    if (!bounds) return of;
    this.#takes("?"); // fewest or most first: the same texts
    return { kind: "repeat", of, min: bounds[0], max: bounds[1] };
  }

  #atom(): Pattern {
    const character = this.#next();
    if (character === "^") return { kind: "start" };
    if (character === "$") return { kind: "end" };
    if (character === ".") return { kind: "characters", ranges: CLASSES["."] };
    if (character === "(") return this.#group();
    if (character === "[") return { kind: "characters", ranges: this.#class() };
    if (character === "\\") return { kind: "characters", ranges: this.#escape() };
    return { kind: "characters", ranges: single(character.codePointAt(0) as number) };
  }

  #group(): Pattern {
    if (this.#takes("?") && !this.#takes(":")) {
      const kind = this.#next();
      if (kind !== "<" || "=!".includes(this.#characters[this.#at])) {
        throw new PatternError("The pattern looks ahead or behind or changes flags");
      }
      this.#until(">");
    }
    const of = this.#choice();
    this.#next();
    return of;
  }

  #class(): CodePointRanges {
    const isInverted = this.#takes("^");
    let ranges: CodePointRanges = [];
    while (!this.#takes("]")) {
      let part = this.#classAtom();
      if (this.#characters[this.#at] === "-" && this.#characters[this.#at + 1] !== "]") {
        this.#at++;
        part = [[part[0][0], this.#classAtom()[0][1]]];
      }
      ranges = united(ranges, part);
    }
    return isInverted ? inverted(ranges) : ranges;
  }

  #classAtom(): CodePointRanges {
    const character = this.#next();
    if (character !== "\\") return single(character.codePointAt(0) as number);
    return this.#takes("b") ? single(8) : this.#escape();
  }

  #escape(): CodePointRanges {
    const character = this.#next();
    if (character in CLASSES && character !== ".") return CLASSES[character];
    if (character in CONTROL_ESCAPES) return single(CONTROL_ESCAPES[character]);
    if (character === "0") return single(0);
    if (character === "c") return single(this.#next().charCodeAt(0) % 32);
    if (character === "x") return single(this.#hex(2));
    if (character === "u") return single(this.#unicode());
    if (/[a-zA-Z1-9]/.test(character)) {
      throw new PatternError(`The pattern's \\${character} needs more than an automaton`);
    }
    return single(character.codePointAt(0) as number);
  }

  #unicode(): number {
    if (this.#takes("{")) return parseInt(this.#until("}"), 16);
    const high = this.#hex(4);
    const [backslash, u] = this.#characters.slice(this.#at, this.#at + 2);
    if (high >= 0xd800 && high < 0xdc00 && backslash === "\\" && u === "u") {
      const low = parseInt(this.#characters.slice(this.#at + 2, this.#at + 6).join(""), 16);
      if (low >= 0xdc00 && low < 0xe000) {
        this.#at += 6;
        return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
      }
    }
    return high;
  }

  #hex(digits: number): number {
    const begin = this.#at;
    this.#at += digits;
    return parseInt(this.#characters.slice(begin, this.#at).join(""), 16);
  }

  #next(): string {
    return this.#characters[this.#at++];
  }

  #takes(character: string): boolean {
    if (this.#characters[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #until(close: string): string {
    const begin = this.#at;
    while (this.#next() !== close);
    return this.#characters.slice(begin, this.#at - 1).join("");
  }
}

function single(codePoint: number): CodePointRanges {
  return [[codePoint, codePoint]];
}
