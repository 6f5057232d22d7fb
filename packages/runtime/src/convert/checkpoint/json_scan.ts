/** Finds where a text stops being JSON, or where an object repeats a name: what JSON.parse does not tell. Builds no values. */

/** The first problem of a text. */
export interface JsonProblem {
  readonly offset: number;
  /** What is wrong, such as `a value is missing`. */
  readonly what: string;
}

const SPACES = /[ \t\n\r]*/y;
/** What ends a run of plain characters in a string. */
const NOT_PLAIN = /["\\]|[^ -\u{10ffff}]/gu;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const SCALAR = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?|true|false|null/y;
/** Deeper nesting than any model's files. */
const MAX_DEPTH = 64;

/** The first problem of `text`, or `undefined` for JSON in which every object has different names. */
export function findJsonProblem(text: string): JsonProblem | undefined {
  return new Scanner(text).scan();
}

/** Walks the text once, with a list of the open brackets instead of recursion. */
class Scanner {
  #at = 0;
  /** For each open bracket: the names seen so far, or `null` for an array. */
  readonly #open: (Set<string> | null)[] = [];

  constructor(private readonly text: string) {}

  scan(): JsonProblem | undefined {
    for (;;) {
      const before = this.#open.length;
      const problem = this.#value();
      if (problem) return problem;
      // A bracket was opened and is not empty: its first element is next.
      if (this.#open.length > before) continue;
      const after = this.#afterValue();
      if (after !== "more") return after;
    }
  }

  /** Reads a scalar, an empty bracket, or an opening one with the name of its first element. */
  #value(): JsonProblem | undefined {
    const next = this.#peek();
    if (next === '"') return this.#string() ? undefined : this.#problem("a broken string");
    if (next !== "{" && next !== "[") {
      if (this.#token(SCALAR)) return undefined;
      return this.#problem(next === undefined ? "the text ends too early" : "a value is wanted");
    }
    this.#at++;
    const closing = next === "{" ? "}" : "]";
    if (this.#peek() === closing) {
      this.#at++;
      return undefined;
    }
    if (this.#open.length >= MAX_DEPTH) return this.#problem(`more than ${MAX_DEPTH} levels`);
    const names = next === "{" ? new Set<string>() : null;
    this.#open.push(names);
    return names ? this.#name(names) : undefined;
  }

  /** Closes brackets up to the next element; `undefined` at a sound end. */
  #afterValue(): JsonProblem | undefined | "more" {
    for (;;) {
      const next = this.#peek();
      if (this.#open.length === 0) {
        return next === undefined ? undefined : this.#problem("text after the end");
      }
      const names = this.#open.at(-1) as Set<string> | null;
      if (next === ",") {
        this.#at++;
        return (names ? this.#name(names) : undefined) ?? "more";
      }
      if (next !== (names ? "}" : "]")) {
        return this.#problem(next === undefined ? "the text ends too early" : "a comma is wanted");
      }
      this.#at++;
      this.#open.pop();
    }
  }

  #name(names: Set<string>): JsonProblem | undefined {
    this.#peek();
    const start = this.#at;
    const token = this.#string();
    if (token === undefined) return this.#problem("a name in quotes is wanted");
    const name: string = JSON.parse(token);
    if (names.has(name)) return { offset: start, what: `${token.slice(0, 80)} is given twice` };
    names.add(name);
    if (this.#peek() !== ":") return this.#problem("a colon is wanted");
    this.#at++;
    return undefined;
  }

  /** A string with its quotes; stays at the character that breaks it. */
  #string(): string | undefined {
    const start = this.#at;
    if (this.text[start] !== '"') return undefined;
    this.#at++;
    for (;;) {
      NOT_PLAIN.lastIndex = this.#at;
      this.#at = NOT_PLAIN.exec(this.text)?.index ?? this.text.length;
      if (this.text[this.#at] === '"') return this.text.slice(start, ++this.#at);
      if (this.#token(ESCAPE) === undefined) return undefined;
    }
  }

  /** The next character that is no space. */
  #peek(): string | undefined {
    this.#token(SPACES);
    return this.text[this.#at];
  }

  #token(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.text)?.[0];
    if (match !== undefined) this.#at += match.length;
    return match;
  }

  #problem(what: string): JsonProblem {
    return { offset: this.#at, what };
  }
}
