/** Objects of a schema: properties in its order, then others where they are allowed. Knows no other type. */
import type { Rule } from "../automaton/grammar.ts";
import { allBut } from "../pattern/character_automaton.ts";
import { UnsupportedSchemaError } from "../unsupported_schema_error.ts";
import type { Alternative } from "./alternatives.ts";
import { namedSchemasAt, pointer, requiredAt, schemaAt, type SchemaPart } from "./keywords.ts";
import { addAutomaton } from "./string_rules.ts";
import type { ValueRules } from "./value_rules.ts";

/** A property and what holds for its value. */
interface Property {
  readonly name: string;
  readonly parts: readonly SchemaPart[];
  readonly isRequired: boolean;
}

/** What an alternative says of objects. */
interface ObjectShape {
  readonly properties: readonly Property[];
  /** What holds for properties that are not named; undefined: there are none. */
  readonly others?: readonly SchemaPart[];
}

/**
 * Where no `additionalProperties` says else, an object with `properties` has no others, which the standard would allow:
 * a model that may name properties of its own does so.
 */
function shapeOf(alternative: Alternative): ObjectShape {
  const named = alternative.map((part) => namedSchemasAt(part, "properties"));
  const additional = alternative.map((part) => schemaAt(part, "additionalProperties"));
  const required = new Set(alternative.flatMap((part) => requiredAt(part)));
  const isSilent = additional.every((part) => part === undefined);
  const isOpen = !isSilent || alternative.every(({ schema }) => schema.properties === undefined);
  const stated = additional.filter((part) => part !== undefined);
  const names = new Set([...named.flatMap((byName) => [...byName.keys()]), ...required]);
  const properties = [...names].map((name): Property => {
    if (!name.isWellFormed()) {
      throw new UnsupportedSchemaError(
        "A property's name has half of a surrogate pair",
        pointer(alternative[0].path, "properties"),
      );
    }
    const parts = named.map((byName, i) => byName.get(name) ?? additional[i]);
    return {
      name,
      parts: parts.filter((part) => part !== undefined),
      isRequired: required.has(name),
    };
  });
  return { properties, ...(isOpen ? { others: stated } : {}) };
}

/**
 * Nodes: `next[i]` before the name of property `i` or a later one, `after[i]` when a value has come and `i` is next. A
 * property that is not required may be skipped.
 */
export function addObject(values: ValueRules, rule: Rule, alternative: Alternative): void {
  const { json, grammar } = values;
  const { properties, others } = shapeOf(alternative);
  const next = Array.from({ length: properties.length + 1 }, () => grammar.addNode());
  const [opened, closing] = [grammar.addNode(), grammar.addNode()];
  grammar.addText(rule.start, "{", opened);
  json.addWhitespace(opened, next[0]);
  grammar.addText(closing, "}", rule.end);
  const lastRequired = properties.findLastIndex(({ isRequired }) => isRequired);
  if (lastRequired < 0) json.addWhitespace(opened, closing);
  const addAfter = (after: number, index: number): void => {
    if (index > lastRequired) json.addWhitespace(after, closing);
    if (index === properties.length && !others) return;
    const comma = grammar.addNode();
    grammar.addText(after, ",", comma);
    json.addWhitespace(comma, next[index]);
  };
  properties.forEach(({ name, parts, isRequired }, i) => {
    const [colon, value, after] = [grammar.addNode(), grammar.addNode(), grammar.addNode()];
    grammar.addText(next[i], JSON.stringify(name), colon);
    json.addColon(colon, value);
    values.addValue(value, parts, after);
    addAfter(after, i + 1);
    if (!isRequired) grammar.addEpsilon(next[i], next[i + 1]);
  });
  if (!others) return;
  const [colon, value, after] = [grammar.addNode(), grammar.addNode(), grammar.addNode()];
  if (properties.length === 0) grammar.addCall(next[0], json.string, colon);
  else {
    const name = grammar.addRule();
    addAutomaton(
      grammar,
      name.start,
      allBut(properties.map((property) => property.name)),
      name.end,
    );
    grammar.addCall(next[properties.length], name, colon);
  }
  json.addColon(colon, value);
  values.addValue(value, others, after);
  addAfter(after, properties.length);
}
