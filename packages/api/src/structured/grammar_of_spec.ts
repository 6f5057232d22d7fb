/** A ConstraintSpec as a grammar. Runs nothing. */
import {
  FIRST_TOKEN,
  Grammar,
  GrammarSizeError,
  type Rule,
  takesNothing,
} from "./automaton/grammar.ts";
import { JsonRules } from "./automaton/json_rules.ts";
import type { ConstraintSpec } from "./constraint_spec.ts";
import { SchemaRules } from "./json_schema/schema_rules.ts";
import { UnsupportedSchemaError } from "./unsupported_schema_error.ts";

/** A grammar and the rule of the whole text. */
export interface SpecGrammar {
  readonly grammar: Grammar;
  readonly main: Rule;
}

type SchemaSpec = ConstraintSpec & { readonly kind: "schema" };

/** Models write line ends after a thought. */
const MAX_LEADING_WHITESPACE = 2;
const MAX_DEPTH = 64;
const MAX_REPEATS = 4_096;

/**
 * The grammar of what a spec describes, after at most two characters of whitespace. A control token's text in a literal is
 * that token. Throws an UnsupportedSchemaError for what cannot be held.
 */
export function grammarOfSpec(
  spec: ConstraintSpec,
  controlTokens: ReadonlyMap<string, number>,
): SpecGrammar {
  const grammar = new Grammar();
  const main = grammar.addRule();
  try {
    let node = main.start;
    const begin = grammar.addNode();
    for (let i = 0; i < MAX_LEADING_WHITESPACE; i++) {
      const next = grammar.addNode();
      grammar.addEpsilon(node, begin);
      grammar.addOneOf(node, "\t\n\r ", next);
      node = next;
    }
    grammar.addEpsilon(node, begin);
    new SpecRules(grammar, controlTokens).add(begin, spec, main.end, 0);
  } catch (error) {
    if (!(error instanceof GrammarSizeError)) throw error;
    throw new UnsupportedSchemaError("The constraint is too large", "", firstField(spec));
  }
  return { grammar, main };
}

/** Where the request has the first schema of a spec: what is wrong with the whole is told of it. */
export function firstField(spec: ConstraintSpec): string | undefined {
  if (spec.kind === "schema") return spec.field;
  if (!("of" in spec)) return undefined;
  const parts: readonly ConstraintSpec[] = spec.kind === "repeat" ? [spec.of] : spec.of;
  return parts.map(firstField).find((field) => field !== undefined);
}

/** Adds specs between nodes of one grammar. */
class SpecRules {
  readonly #json: JsonRules;
  readonly #control: RegExp | undefined;

  constructor(
    readonly grammar: Grammar,
    readonly controlTokens: ReadonlyMap<string, number>,
  ) {
    this.#json = new JsonRules(grammar);
    const texts = [...controlTokens.keys()].sort((a, b) => b.length - a.length);
    if (texts.length > 0) this.#control = new RegExp(`(${texts.map(escaped).join("|")})`);
  }

  add(from: number, spec: ConstraintSpec, to: number, depth: number): void {
    if (depth > MAX_DEPTH) throw new UnsupportedSchemaError("The constraint is too deep", "");
    switch (spec.kind) {
      case "json":
        this.grammar.addCall(from, this.#json.object, to);
        break;
      case "schema":
        this.#addSchema(from, spec, to);
        break;
      case "literal":
        this.#addLiteral(from, spec.text, to);
        break;
      case "choice":
        for (const each of spec.of) this.add(from, each, to, depth + 1);
        break;
      case "sequence": {
        let node = from;
        for (const each of spec.of) {
          const next = this.grammar.addNode();
          this.add(node, each, next, depth + 1);
          node = next;
        }
        this.grammar.addEpsilon(node, to);
        break;
      }
      case "repeat":
        this.#addRepeat(from, spec, to, depth);
    }
  }

  #addSchema(from: number, { schema, field }: SchemaSpec, to: number): void {
    try {
      new SchemaRules(this.#json, schema).addDocument(from, to);
    } catch (error) {
      if (!(error instanceof UnsupportedSchemaError)) throw error;
      throw new UnsupportedSchemaError(error.reason, error.path, field);
    }
  }

  #addLiteral(from: number, text: string, to: number): void {
    let node = from;
    for (const piece of this.#control ? text.split(this.#control) : [text]) {
      const next = this.grammar.addNode();
      const id = this.controlTokens.get(piece);
      if (id === undefined) this.grammar.addText(node, piece, next);
      else this.grammar.addRange(node, FIRST_TOKEN + id, FIRST_TOKEN + id, next);
      node = next;
    }
    this.grammar.addEpsilon(node, to);
  }

  #addRepeat(
    from: number,
    { of, min, max, separator }: ConstraintSpec & { readonly kind: "repeat" },
    to: number,
    depth: number,
  ): void {
    if (min > MAX_REPEATS || (max > MAX_REPEATS && max !== Infinity)) {
      throw new UnsupportedSchemaError(`Over ${MAX_REPEATS} repeats are not supported`, "");
    }
    if (min === 0) this.grammar.addEpsilon(from, to);
    const unrolled = max === Infinity ? Math.max(1, min) : max;
    const rule = this.grammar.addRule();
    this.add(rule.start, of, rule.end, depth + 1);
    const mayBeEmpty = takesNothing(this.grammar, rule);
    let node = this.grammar.addNode();
    this.grammar.addEpsilon(from, node);
    for (let i = 0; i < unrolled; i++) {
      const after = this.grammar.addNode();
      this.grammar.addCall(node, rule, after);
      if (mayBeEmpty) this.grammar.addEpsilon(node, after);
      if (i + 1 >= min) this.grammar.addEpsilon(after, to);
      const next = max === Infinity && i === unrolled - 1 ? node : this.grammar.addNode();
      this.#addLiteral(after, separator, next);
      node = next;
    }
  }
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}
