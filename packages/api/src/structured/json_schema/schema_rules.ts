/** A schema as rules of a grammar. Chooses no tokens. */
import type { Grammar, Rule } from "../automaton/grammar.ts";
import { GrammarSizeError } from "../automaton/grammar.ts";
import type { JsonRules } from "../automaton/json_rules.ts";
import type { JsonSchema } from "../constraint_spec.ts";
import { acceptsText } from "../pattern/character_automaton.ts";
import { UnsupportedSchemaError } from "../unsupported_schema_error.ts";
import { type Alternative, Alternatives, hasStructure, typesOf, valuesOf } from "./alternatives.ts";
import { addArray } from "./array_rules.ts";
import { addDecimals } from "./decimal_rules.ts";
import type { SchemaPart, SchemaType } from "./keywords.ts";
import { isWithin, numberBounds } from "./number_bounds.ts";
import { addObject } from "./object_rules.ts";
import { addBoundedString, hasPattern, type StringBounds, stringBounds } from "./string_rules.ts";
import type { ValueRules } from "./value_rules.ts";

/** Makes the rules of one schema document; each is made once, so schemas may refer to themselves. */
export class SchemaRules implements ValueRules {
  readonly alternatives: Alternatives;
  readonly #made = new Map<string, Rule>();
  readonly #waiting: (() => void)[] = [];

  constructor(readonly json: JsonRules, document: JsonSchema) {
    this.alternatives = new Alternatives(document);
  }

  get grammar(): Grammar {
    return this.json.grammar;
  }

  /** Takes a value of the whole document. Throws an UnsupportedSchemaError for what cannot be held. */
  addDocument(from: number, to: number): void {
    this.addValue(from, [{ schema: this.alternatives.document, path: "" }], to);
    for (let fill = this.#waiting.pop(); fill; fill = this.#waiting.pop()) fill();
  }

  addValue(from: number, parts: readonly SchemaPart[], to: number): void {
    const seen = new Set<string>();
    for (const alternative of this.alternatives.of(parts)) {
      const key = this.alternatives.keyOf(alternative);
      if (seen.has(key)) continue;
      seen.add(key);
      if (alternative.length === 0) {
        this.grammar.addCall(from, this.json.value, to);
        continue;
      }
      const values = valuesOf(alternative);
      if (values) {
        this.#addRule(
          from,
          `${key}|values`,
          to,
          alternative,
          (rule) => this.#addValues(rule, alternative, values),
        );
        continue;
      }
      for (const type of typesOf(alternative)) this.#addType(from, alternative, type, key, to);
    }
  }

  #addType(from: number, alternative: Alternative, type: SchemaType, key: string, to: number) {
    const { grammar, json } = this;
    if (type === "null") return grammar.addText(from, "null", to);
    if (type === "boolean") return grammar.addTexts(from, ["true", "false"], to);
    if (type === "number" && numberBounds(alternative, type).isFree) {
      return grammar.addCall(from, json.number, to);
    }
    if (type === "string" && !hasPattern(alternative)) {
      return addBoundedString(json, from, stringBounds(alternative), to);
    }
    this.#addRule(from, `${key}|${type}`, to, alternative, (rule) => {
      const { start, end } = rule;
      if (type === "object") addObject(this, rule, alternative);
      else if (type === "array") addArray(this, rule, alternative);
      else if (type === "string") addBoundedString(json, start, stringBounds(alternative), end);
      else addNumbers(grammar, start, alternative, type, end);
    });
  }

  /** Calls a rule that is made later and once. */
  #addRule(
    from: number,
    key: string,
    to: number,
    alternative: Alternative,
    fill: (rule: Rule) => void,
  ): void {
    let rule = this.#made.get(key);
    if (!rule) {
      const made = rule = this.grammar.addRule();
      this.#made.set(key, made);
      this.#waiting.push(() => withPath(alternative, () => fill(made)));
    }
    this.grammar.addCall(from, rule, to);
  }

  #addValues(rule: Rule, alternative: Alternative, values: readonly unknown[]): void {
    const types = typesOf(alternative);
    let bounds: StringBounds | undefined;
    const strings = () => bounds ??= stringBounds(alternative);
    const held = values.filter((value) => {
      const type = typeOf(value);
      const isOfType = types.includes(type) || (type === "integer" && types.includes("number"));
      return isOfType && this.#holds(alternative, value, strings);
    });
    const isNested = (value: unknown) => typeof value === "object" && value !== null;
    const scalars = held.filter((value) => !isNested(value)).map((value) => JSON.stringify(value));
    this.grammar.addTexts(rule.start, scalars, rule.end);
    for (const value of held.filter(isNested)) addConstant(this.json, rule.start, value, rule.end);
  }

  /** Whether one of the listed values holds to the other keywords. */
  #holds(alternative: Alternative, value: unknown, strings: () => StringBounds): boolean {
    if (typeof value === "string") {
      if (!value.isWellFormed()) return false;
      const { min, max, automaton } = strings();
      const length = [...value].length;
      return min <= length && length <= max && (!automaton || acceptsText(automaton, value));
    }
    if (typeof value === "number") return isWithin(numberBounds(alternative, "number"), value);
    if (typeof value === "object" && value !== null && hasStructure(alternative)) {
      throw new UnsupportedSchemaError(
        "Objects and lists as constants beside keywords about what is in them",
        alternative[0].path,
      );
    }
    return true;
  }
}

function addNumbers(
  grammar: Grammar,
  from: number,
  alternative: Alternative,
  type: SchemaType,
  to: number,
): void {
  const { path } = alternative[0];
  try {
    addDecimals(grammar, from, numberBounds(alternative, type), to);
  } catch (error) {
    if (!(error instanceof RangeError) || error instanceof GrammarSizeError) throw error;
    throw new UnsupportedSchemaError(error.message, path);
  }
}

function withPath(alternative: Alternative, fill: () => void): void {
  try {
    fill();
  } catch (error) {
    if (!(error instanceof GrammarSizeError)) throw error;
    throw new UnsupportedSchemaError("The schema is too large", alternative[0].path);
  }
}

function typeOf(value: unknown): SchemaType {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (Number.isInteger(value)) return "integer";
  return typeof value as SchemaType;
}

/** Takes one list or object, with whitespace as it may be between all tokens. */
function addConstant(json: JsonRules, from: number, value: unknown, to: number): void {
  const { grammar } = json;
  if (typeof value !== "object" || value === null) {
    return grammar.addText(from, JSON.stringify(value), to);
  }
  const isList = Array.isArray(value);
  const members = Object.entries(value);
  let node = grammar.addNode();
  grammar.addText(from, isList ? "[" : "{", node);
  members.forEach(([name, member], i) => {
    let begin = grammar.addNode();
    json.addWhitespace(node, begin);
    if (!isList) {
      const colon = grammar.addNode();
      grammar.addText(begin, JSON.stringify(name), colon);
      json.addColon(colon, begin = grammar.addNode());
    }
    const after = grammar.addNode();
    addConstant(json, begin, member, after);
    node = after;
    if (i < members.length - 1) grammar.addText(after, ",", node = grammar.addNode());
  });
  const closing = grammar.addNode();
  json.addWhitespace(node, closing);
  grammar.addText(closing, isList ? "]" : "}", to);
}
