/** How long it takes at most to check a value by a schema. Checks nothing itself. */
import type { JsonSchema } from "../constraint_spec.ts";
import { isRecord, referredPart } from "../json_schema/keywords.ts";
import { UnsupportedSchemaError } from "../unsupported_schema_error.ts";

/** Pairs of a schema and a value in it: well under a second. */
const MAX_PAIRS = 100_000;
const MAX_DEPTH = 1_000;

/** Keywords whose schemas speak of the same value. */
const SAME_ONE: readonly string[] = ["not", "if", "then", "else"];
const SAME_LISTED: readonly string[] = ["allOf", "anyOf", "oneOf"];
const OF_MEMBERS: readonly string[] = ["additionalProperties", "unevaluatedProperties"];
const OF_ITEMS: readonly string[] = ["items", "contains", "unevaluatedItems"];

/**
 * Throws an UnsupportedSchemaError where a validator that goes through a schema and a value would visit too many pairs of
 * theirs: combinations that refer to each other multiply with each step.
 */
export function checkWork(schema: JsonSchema, value: unknown): void {
  const pairs = new PairCount(schema).of(schema, value, 0);
  if (pairs > MAX_PAIRS) {
    throw new UnsupportedSchemaError("The schema takes too long to check for this value", "");
  }
}

/** Counts pairs; each is counted once and its number kept. */
class PairCount {
  readonly #known = new Map<unknown, Map<unknown, number>>();

  constructor(readonly document: JsonSchema) {}

  of(schema: unknown, value: unknown, depth: number): number {
    if (!isRecord(schema)) return 1;
    if (depth > MAX_DEPTH) return Infinity;
    // All values that hold no others take the same.
    const key = typeof value === "object" && value !== null ? value : undefined;
    let byValue = this.#known.get(schema);
    if (!byValue) this.#known.set(schema, byValue = new Map());
    const known = byValue.get(key);
    if (known !== undefined) return known;
    byValue.set(key, Infinity); // while it is open: a schema that leads to itself has no end
    let pairs = 1;
    for (const [each, part] of this.#parts(schema, value)) {
      pairs += this.of(each, part, depth + 1);
      if (pairs > MAX_PAIRS) break;
    }
    byValue.set(key, pairs);
    return pairs;
  }

  /** Schemas directly within a schema, each with what it speaks of. */
  *#parts(
    schema: Readonly<Record<string, unknown>>,
    value: unknown,
  ): Generator<[unknown, unknown]> {
    if (schema.patternProperties !== undefined) {
      throw new UnsupportedSchemaError("The keyword patternProperties is not supported", "");
    }
    if (typeof schema.$ref === "string") {
      yield [referredPart(this.document, schema.$ref, "/$ref").schema, value];
    }
    for (const keyword of SAME_ONE) yield [schema[keyword], value];
    for (const keyword of SAME_LISTED) {
      for (const each of list(schema[keyword])) yield [each, value];
    }
    for (const each of Object.values(record(schema.dependentSchemas))) yield [each, value];
    if (Array.isArray(value)) {
      const prefix = list(schema.prefixItems);
      for (const [i, item] of value.entries()) {
        yield [prefix[i], item];
        for (const keyword of OF_ITEMS) yield [schema[keyword], item];
      }
    } else if (isRecord(value)) {
      const properties = record(schema.properties);
      for (const [name, member] of Object.entries(value)) {
        if (Object.hasOwn(properties, name)) yield [properties[name], member];
        for (const keyword of OF_MEMBERS) yield [schema[keyword], member];
        yield [schema.propertyNames, name];
      }
    }
  }
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return isRecord(value) ? value : {};
}
