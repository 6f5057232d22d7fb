/** The rules of JSON text itself: strings, numbers, whitespace, any value. Knows no schema. */
import { addCodePoints } from "./code_points.ts";
import type { Grammar, Rule } from "./grammar.ts";

/** Spaces, or tabs, after a line end. */
const MAX_INDENT_SPACES = 32;
const MAX_INDENT_TABS = 8;
const DIGITS = "0123456789";
const HEX_DIGITS = `${DIGITS}abcdefABCDEF`;
/** Digits of a fraction: as many as JavaScript writes for a double without an exponent. */
export const MAX_FRACTION_DIGITS = 22;
/** Digits before the point: JavaScript writes larger doubles with an exponent. */
export const MAX_INTEGER_DIGITS = 21;

/** Rules that a grammar shares, made when they are first asked for. */
export class JsonRules {
  readonly #made = new Map<string, Rule>();

  constructor(readonly grammar: Grammar) {}

  /** Any string. */
  get string(): Rule {
    return this.#once("string", () => {
      const body = this.grammar.addNode();
      return addString(this.grammar, this.grammar.addRule(), body);
    });
  }

  /** A string of so many characters (code points). */
  countedString(min: number, max: number): Rule {
    return this.#once(`string ${min} ${max}`, () => {
      const rule = this.grammar.addRule({ min, max });
      return addString(this.grammar, rule, rule.counts?.body as number);
    });
  }

  /** Any number that a double can hold, of a bounded number of digits. */
  get number(): Rule {
    return this.#once("number", () => addNumber(this.grammar));
  }

  get value(): Rule {
    return this.#once("value", () => this.grammar.addRule(), ({ start, end }) => {
      for (const text of ["true", "false", "null"]) this.grammar.addText(start, text, end);
      for (const rule of [this.string, this.number, this.object, this.array]) {
        this.grammar.addCall(start, rule, end);
      }
    });
  }

  get object(): Rule {
    return this.#once("object", () => this.grammar.addRule(), (rule) => {
      const [key, colon, value] = addNodes(this.grammar, 3);
      this.#addList(rule, "{}", key, value);
      this.grammar.addCall(key, this.string, colon);
      const begin = this.grammar.addNode();
      this.addColon(colon, begin);
      this.grammar.addCall(begin, this.value, value);
    });
  }

  get array(): Rule {
    return this.#once("array", () => this.grammar.addRule(), (rule) => {
      const [item, after] = addNodes(this.grammar, 2);
      this.#addList(rule, "[]", item, after);
      this.grammar.addCall(item, this.value, after);
    });
  }

  /** Nothing, a space, or a line end with an indent. */
  addWhitespace(from: number, to: number): void {
    this.grammar.addEpsilon(from, to);
    this.grammar.addCall(from, this.#once("whitespace", () => addWhitespaceRule(this.grammar)), to);
  }

  addColon(from: number, to: number): void {
    const colon = this.grammar.addNode();
    this.grammar.addText(from, ":", colon);
    this.addWhitespace(colon, to);
  }

  /** `open` and `close` with items from `item` to `after` between, or nothing. */
  #addList(rule: Rule, [open, close]: string, item: number, after: number): void {
    const [opened, first, comma, closing] = addNodes(this.grammar, 4);
    this.grammar.addText(rule.start, open, opened);
    this.addWhitespace(opened, first);
    this.grammar.addEpsilon(first, item);
    this.grammar.addText(first, close, rule.end);
    this.grammar.addText(after, ",", comma);
    this.addWhitespace(comma, item);
    this.addWhitespace(after, closing);
    this.grammar.addText(closing, close, rule.end);
  }

  /** `fill` may ask for the rule that is being made. */
  #once(name: string, make: () => Rule, fill: (rule: Rule) => void = () => {}): Rule {
    let rule = this.#made.get(name);
    if (!rule) {
      this.#made.set(name, rule = make());
      fill(rule);
    }
    return rule;
  }
}

function addWhitespaceRule(grammar: Grammar): Rule {
  const rule = grammar.addRule();
  grammar.addText(rule.start, " ", rule.end);
  const line = grammar.addNode();
  grammar.addText(rule.start, "\n", line);
  grammar.addEpsilon(line, rule.end);
  for (const [indent, most] of [[" ", MAX_INDENT_SPACES], ["\t", MAX_INDENT_TABS]] as const) {
    let node = line;
    for (let i = 0; i < most; i++) {
      const next = grammar.addNode();
      grammar.addText(node, indent, next);
      grammar.addEpsilon(next, rule.end);
      node = next;
    }
  }
  return rule;
}

/** Characters as they are or escaped; halves of a surrogate pair only together. */
function addString(grammar: Grammar, rule: Rule, body: number): Rule {
  grammar.addText(rule.start, '"', body);
  grammar.addText(body, '"', rule.end);
  addCodePoints(grammar, body, [[0x20, 0x21], [0x23, 0x5b], [0x5d, 0x10ffff]], body);
  const nodes = addNodes(grammar, 12);
  const [escape, unicode, hex3, hex2, hex1, afterD, high2, high1, high0, low, lowU, lowD] = nodes;
  grammar.addText(body, "\\", escape);
  grammar.addOneOf(escape, '"\\/bfnrt', body);
  grammar.addText(escape, "u", unicode);
  grammar.addOneOf(unicode, `${DIGITS}abcefABCEF`, hex3);
  grammar.addOneOf(hex3, HEX_DIGITS, hex2);
  grammar.addOneOf(hex2, HEX_DIGITS, hex1);
  grammar.addOneOf(hex1, HEX_DIGITS, body);
  grammar.addOneOf(unicode, "dD", afterD);
  grammar.addOneOf(afterD, "01234567", hex2);
  grammar.addOneOf(afterD, "89abAB", high2);
  grammar.addOneOf(high2, HEX_DIGITS, high1);
  grammar.addOneOf(high1, HEX_DIGITS, high0);
  grammar.addText(high0, "\\", low);
  grammar.addText(low, "u", lowU);
  grammar.addOneOf(lowU, "dD", lowD);
  grammar.addOneOf(lowD, "cdefCDEF", hex2);
  return rule;
}

/** `-1.5`, `12e-3`; with an exponent one digit before the point, as JavaScript writes it, so that none is infinite. */
function addNumber(grammar: Grammar): Rule {
  const rule = grammar.addRule();
  const { start, end } = rule;
  const [unsigned, zero, digit, sign] = addNodes(grammar, 4);
  grammar.addEpsilon(start, unsigned);
  grammar.addText(start, "-", unsigned);
  grammar.addText(unsigned, "0", zero);
  grammar.addOneOf(unsigned, "123456789", digit);
  const mayHaveExponent = [zero, digit];
  for (const one of [zero, digit]) mayHaveExponent.push(...addFraction(grammar, one));
  const longer = addDigits(grammar, digit, MAX_INTEGER_DIGITS - 1);
  const ends = [
    ...mayHaveExponent,
    ...longer,
    ...longer.flatMap((node) => addFraction(grammar, node)),
  ];
  for (const node of ends) grammar.addEpsilon(node, end);
  for (const node of mayHaveExponent) grammar.addOneOf(node, "Ee", sign);
  addExponent(grammar, sign, end);
  return rule;
}

/** Whole numbers up to 307, and down to -329, where doubles end. */
function addExponent(grammar: Grammar, sign: number, end: number): void {
  const [positive, negative, hundreds, tens, three, threes, below] = addNodes(grammar, 7);
  grammar.addEpsilon(sign, positive);
  grammar.addText(sign, "+", positive);
  grammar.addText(sign, "-", negative);
  grammar.addEpsilon(negative, positive);
  for (const node of addDigits(grammar, positive, 2)) grammar.addEpsilon(node, end);
  grammar.addOneOf(positive, "12", hundreds);
  grammar.addOneOf(hundreds, DIGITS, tens);
  grammar.addOneOf(tens, DIGITS, end);
  grammar.addText(positive, "3", three);
  grammar.addText(three, "0", threes);
  grammar.addOneOf(threes, "01234567", end);
  grammar.addText(negative, "3", below);
  grammar.addOneOf(below, "012", tens);
}

/** The nodes after each digit. */
function addDigits(grammar: Grammar, from: number, most: number): number[] {
  const nodes = addNodes(grammar, most);
  nodes.forEach((node, i) => grammar.addOneOf(i === 0 ? from : nodes[i - 1], DIGITS, node));
  return nodes;
}

function addFraction(grammar: Grammar, from: number): number[] {
  const point = grammar.addNode();
  grammar.addText(from, ".", point);
  return addDigits(grammar, point, MAX_FRACTION_DIGITS);
}

function addNodes(grammar: Grammar, count: number): number[] {
  return Array.from({ length: count }, () => grammar.addNode());
}
