/**
 * LaTeX formulas to expressions, in one pass without going back: time is linear in the formula. Numbers, sums, products, powers,
 * functions, matrices; no relations, sets, sums over ranges, integrals or limits.
 */
import { call, type Expression } from "./expression.ts";
import {
  ACCENTS,
  BRACKETS,
  FACTOR_OPERATORS,
  FUNCTIONS_BY_COMMAND,
  INVERSES,
  LIST_FUNCTIONS,
  SYMBOLS,
} from "./latex_names.ts";
import { type LatexToken, latexTokens } from "./latex_tokens.ts";

const MAX_LENGTH = 1000;
/** Levels of brackets, groups and functions. */
const MAX_DEPTH = 50;

/** Thrown inside of this file only. */
class NoFormula extends Error {}

/** The expression that a formula writes; undefined for what is none, is longer than 1,000 letters or nested deeper than 50 levels. */
export function parseLatex(latex: string): Expression | undefined {
  if (latex.length > MAX_LENGTH) return undefined;
  try {
    return new FormulaParser(latexTokens(latex)).parse();
  } catch (error) {
    if (error instanceof NoFormula) return undefined;
    throw error;
  }
}

const number = (literal: string): Expression => ({ kind: "number", literal });
const symbol = (name: string): Expression => ({ kind: "symbol", name });
const isWhole = (expression: Expression) =>
  expression.kind === "number" && /^\d+$/.test(expression.literal);

/** Recursive descent over the tokens. */
class FormulaParser {
  readonly #tokens: readonly LatexToken[];
  #at = 0;
  #depth = 0;
  /** Signs that close an absolute value rather than open one. */
  #openBars = 0;

  constructor(tokens: readonly LatexToken[]) {
    this.#tokens = tokens;
  }

  parse(): Expression {
    const expression = this.#sum();
    if (this.#token.kind !== "end") throw new NoFormula();
    return expression;
  }

  get #token(): LatexToken {
    return this.#tokens[this.#at];
  }

  /** Takes the token if it is this sign or command. */
  #takes(text: string): boolean {
    const { kind } = this.#token;
    if (this.#token.text !== text || (kind !== "sign" && kind !== "command")) return false;
    this.#at++;
    return true;
  }

  #expect(text: string): void {
    if (!this.#takes(text)) throw new NoFormula();
  }

  /** What is read one level further in. */
  #within<Value>(read: () => Value): Value {
    if (++this.#depth > MAX_DEPTH) throw new NoFormula();
    const value = read();
    this.#depth--;
    return value;
  }

  #sum(): Expression {
    let sum = this.#product();
    for (;;) {
      if (this.#takes("+")) sum = call("Add", sum, this.#product());
      else if (this.#takes("-")) sum = call("Subtract", sum, this.#product());
      else return sum;
    }
  }

  #product(): Expression {
    let product = this.#signed();
    for (;;) {
      const { kind, text } = this.#token;
      const operator = kind === "sign" || kind === "command"
        ? FACTOR_OPERATORS.get(text)
        : undefined;
      if (!operator) return product;
      this.#at++;
      product = call(operator, product, this.#signed());
    }
  }

  #signed(): Expression {
    if (this.#takes("+")) return this.#within(() => this.#signed());
    if (this.#takes("-")) return call("Negate", this.#within(() => this.#signed()));
    return this.#juxtaposed(false);
  }

  /** Factors side by side. A whole number before a fraction of whole numbers is a mixed number. */
  #juxtaposed(isArgument: boolean): Expression {
    const factors = [this.#power()];
    while (this.#startsFactor(isArgument)) factors.push(this.#power());
    const [first, second] = factors;
    if (factors.length === 1) return first;
    const isMixed = factors.length === 2 && isWhole(first) && second.kind === "call" &&
      second.operator === "Divide" && second.operands.every(isWhole);
    return call(isMixed ? "Add" : "Multiply", ...factors);
  }

  /** An argument without brackets ends before the next function: sin x cos y. */
  #startsFactor(isArgument: boolean): boolean {
    const { kind, text } = this.#token;
    if (kind === "letter" || kind === "number") return true;
    if (kind === "sign") return text === "|" ? this.#openBars === 0 : "([{".includes(text);
    if (kind !== "command") return false;
    if (FUNCTIONS_BY_COMMAND.has(text)) return !isArgument;
    return text === "frac" || text === "sqrt" || text === "binom" || text === "overline" ||
      SYMBOLS.has(text) || ACCENTS.has(text) || LIST_FUNCTIONS.has(text) ||
      ["lvert", "lfloor", "lceil", "begin"].includes(text);
  }

  #power(): Expression {
    let base = this.#primary();
    for (;;) {
      if (this.#takes("!")) {
        if (this.#token.text === "!") throw new NoFormula();
        base = call("Factorial", base);
      } else if (this.#takes("^")) {
        base = this.#takesDegrees() ? call("Degrees", base) : call("Power", base, this.#script());
      } else return base;
    }
  }

  #takesDegrees(): boolean {
    const [first, second, third] = this.#tokens.slice(this.#at);
    if (first.kind === "command" && first.text === "circ") return this.#at += 1, true;
    const isGroup = first.text === "{" && second?.text === "circ" && third?.text === "}";
    return isGroup && (this.#at += 3, true);
  }

  /** What stands above or below: a group, or one letter, number or command. */
  #script(): Expression {
    if (this.#token.text === "-") return this.#signed();
    return this.#within(() => this.#primary(true));
  }

  #primary(isScript = false): Expression {
    const { kind, text } = this.#token;
    const bracket = kind === "sign" || kind === "command" ? BRACKETS.get(text) : undefined;
    if (bracket) return this.#bracketed(...bracket);
    this.#at++;
    if (kind === "number") return this.#numeral(text);
    if (kind === "letter") return isScript ? symbol(text) : this.#named(text);
    if (kind !== "command") throw new NoFormula();
    const name = SYMBOLS.get(text);
    if (name) return isScript ? symbol(name) : this.#named(name);
    return this.#within(() => this.#command(text));
  }

  /** 0.\overline{3} repeats its digits. */
  #numeral(text: string): Expression {
    const literal = text.replace(/\.$/, "");
    const [overline, open, digits, close] = this.#tokens.slice(this.#at);
    const repeats = text.includes(".") && overline.text === "overline" && open?.text === "{" &&
      digits?.kind === "number" && /^\d+$/.test(digits.text) && close?.text === "}";
    if (!repeats) return number(literal);
    this.#at += 4;
    return number(`${text}(${digits.text})`);
  }

  /** A name with what is written below it: x_{12} is one symbol. */
  #named(name: string): Expression {
    if (!this.#takes("_")) return symbol(name);
    const below = this.#token.text === "{" ? this.#groupText() : this.#token.text;
    if (this.#tokens[this.#at - 1].text !== "}") this.#at++;
    if (!/^\w+$/.test(below)) throw new NoFormula();
    return symbol(`${name}_${below}`);
  }

  /** Tokens of a group as they are written. */
  #groupText(): string {
    this.#expect("{");
    let text = "";
    while (!this.#takes("}")) {
      if (this.#token.kind === "end" || this.#token.text === "{") throw new NoFormula();
      text += this.#token.text;
      this.#at++;
    }
    return text;
  }

  #bracketed(closing: string, operator?: string): Expression {
    this.#at++;
    const bars = this.#openBars;
    // Bars inside of other brackets open anew.
    this.#openBars = closing === "|" ? bars + 1 : 0;
    const inner = this.#within(() => this.#sum());
    this.#expect(closing);
    this.#openBars = bars;
    return operator ? call(operator, inner) : inner;
  }

  #group(): Expression {
    return this.#script();
  }

  #command(name: string): Expression {
    switch (name) {
      case "frac": {
        const [top, bottom] = this.#pair();
        return call("Divide", top, bottom);
      }
      case "binom":
        return call("Binomial", ...this.#pair());
      case "sqrt":
        return this.#root();
      case "overline":
        return call("Conjugate", this.#group());
      case "begin":
        return this.#matrix();
    }
    const listFunction = LIST_FUNCTIONS.get(name);
    if (listFunction) return call(listFunction, ...this.#list());
    const found = FUNCTIONS_BY_COMMAND.get(name);
    if (found) return this.#function(name, found);
    if (!ACCENTS.has(name)) throw new NoFormula();
    return this.#accented(name);
  }

  /** Two groups; \frac12 has single digits. */
  #pair(): [Expression, Expression] {
    const { kind, text } = this.#token;
    if (kind === "number" && /^\d\d$/.test(text)) {
      this.#at++;
      return [number(text[0]), number(text[1])];
    }
    if (kind === "number" && /^\d{3,}$/.test(text)) throw new NoFormula();
    return [this.#group(), this.#group()];
  }

  #root(): Expression {
    if (!this.#takes("[")) return call("Sqrt", this.#group());
    const degree = this.#within(() => this.#sum());
    this.#expect("]");
    return call("Root", this.#group(), degree);
  }

  #accented(accent: string): Expression {
    const text = this.#token.text === "{" ? this.#groupText() : this.#tokens[this.#at++].text;
    const isOperator = accent === "operatorname" || accent === "mathrm" || accent === "text";
    const listFunction = isOperator ? LIST_FUNCTIONS.get(text) : undefined;
    if (listFunction) return call(listFunction, ...this.#list());
    if (!/^\w$/.test(text)) throw new NoFormula();
    return isOperator ? this.#named(text) : this.#named(`${accent}_${text}`);
  }

  #function(command: string, operator: string): Expression {
    let base: Expression | undefined = command === "lg" ? number("10") : undefined;
    let exponent: Expression | undefined;
    if (command === "log" && this.#takes("_")) base = this.#script();
    if (this.#takes("^")) exponent = this.#script();
    const inverse = isMinusOne(exponent) ? INVERSES.get(operator) : undefined;
    const hasBrackets = this.#token.text === "(" || this.#token.text === "{";
    const argument = hasBrackets ? this.#degreesAfter(this.#primary()) : this.#juxtaposed(true);
    const value = call(inverse ?? operator, argument, ...(base ? [base] : []));
    return exponent && !inverse ? call("Power", value, exponent) : value;
  }

  /** sin(30)^\circ takes degrees of 30. */
  #degreesAfter(argument: Expression): Expression {
    const start = this.#at;
    if (this.#takes("^") && this.#takesDegrees()) return call("Degrees", argument);
    this.#at = start;
    return argument;
  }

  #list(): Expression[] {
    const closing = this.#takes("{") ? "}" : (this.#expect("("), ")");
    const items = [this.#within(() => this.#sum())];
    while (this.#takes(",")) items.push(this.#within(() => this.#sum()));
    this.#expect(closing);
    return items;
  }

  /** Rows of cells between \begin and \end, whatever the brackets. */
  #matrix(): Expression {
    if (!/^[pbBvV]?(?:small)?matrix$/.test(this.#groupText())) throw new NoFormula();
    const rows: Expression[] = [];
    do {
      const cells = [this.#within(() => this.#sum())];
      while (this.#takes("&")) cells.push(this.#within(() => this.#sum()));
      rows.push(call("List", ...cells));
    } while (this.#takes("\\\\"));
    this.#expect("end");
    this.#groupText();
    return call("Matrix", call("List", ...rows));
  }
}

function isMinusOne(exponent: Expression | undefined): boolean {
  return exponent?.kind === "call" && exponent.operator === "Negate" &&
    exponent.operands[0].kind === "number" && exponent.operands[0].literal === "1";
}
