/** Reads keywords of a schema, and refuses those that cannot be held. Combines nothing. */
import type { JsonSchema } from "../constraint_spec.ts";
import { UnsupportedSchemaError } from "../unsupported_schema_error.ts";

/** A schema and the JSON pointer to it. */
export interface SchemaPart {
  readonly schema: JsonSchema;
  readonly path: string;
}

/** A schema that is no boolean. */
export interface KeywordPart extends SchemaPart {
  readonly schema: Readonly<Record<string, unknown>>;
}

/** The types of JSON Schema. */
export type SchemaType =
  | ("string" | "number" | "integer" | "boolean")
  | ("null" | "object" | "array");

const TYPES: ReadonlySet<string> = new Set<SchemaType>([
  ...["string", "number", "integer", "boolean", "null", "object", "array"] as const,
]);

/** OpenAI allows 1,000. */
const MAX_VALUES = 5_000;

/** What cannot be held, unless it has the value that asks for nothing. */
const UNSUPPORTED: Readonly<Record<string, unknown>> = {
  ...{ not: undefined, if: undefined, then: undefined, else: undefined },
  ...{ patternProperties: undefined, propertyNames: undefined, dependentRequired: undefined },
  ...{ dependentSchemas: undefined, dependencies: undefined, additionalItems: undefined },
  ...{ unevaluatedProperties: true, unevaluatedItems: true, uniqueItems: false },
  ...{ minProperties: 0, maxProperties: undefined, contains: undefined, minContains: undefined },
  ...{ maxContains: undefined, $dynamicRef: undefined, $recursiveRef: undefined },
};

/** Throws an UnsupportedSchemaError that names the first keyword that cannot be held. */
export function checkKeywords({ schema, path }: KeywordPart): void {
  for (const [keyword, value] of Object.entries(schema)) {
    if (!Object.hasOwn(UNSUPPORTED, keyword) || value === UNSUPPORTED[keyword]) continue;
    throw new UnsupportedSchemaError(
      `The keyword ${keyword} is not supported in constrained output`,
      pointer(path, keyword),
    );
  }
}

/** The pointer to a member. */
export function pointer(path: string, ...names: readonly (string | number)[]): string {
  return names.reduce<string>(
    (at, name) => `${at}/${String(name).replaceAll("~", "~0").replaceAll("/", "~1")}`,
    path,
  );
}

function malformed(part: KeywordPart, keyword: string, wanted: string): UnsupportedSchemaError {
  return new UnsupportedSchemaError(
    `The value of ${keyword} is not ${wanted}`,
    pointer(part.path, keyword),
  );
}

/** A value that is a schema. */
export function schemaPart(schema: unknown, path: string): SchemaPart {
  if (typeof schema !== "boolean" && !isRecord(schema)) {
    throw new UnsupportedSchemaError("A schema must be an object or a boolean", path);
  }
  return { schema, path };
}

/** Whether it is an object and no list. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The schema under a keyword; undefined: it has none. */
export function schemaAt(part: KeywordPart, keyword: string): SchemaPart | undefined {
  const value = part.schema[keyword];
  return value === undefined ? undefined : schemaPart(value, pointer(part.path, keyword));
}

/** The list of schemas under a keyword. */
export function schemasAt(part: KeywordPart, keyword: string): readonly SchemaPart[] | undefined {
  const value = part.schema[keyword];
  if (value === undefined) return undefined;
  if (!Array.isArray(value)) throw malformed(part, keyword, "a list of schemas");
  return value.map((schema, i) => schemaPart(schema, pointer(part.path, keyword, i)));
}

/** The schemas by name under a keyword. */
export function namedSchemasAt(
  part: KeywordPart,
  keyword: string,
): ReadonlyMap<string, SchemaPart> {
  const value = part.schema[keyword] ?? {};
  if (!isRecord(value)) throw malformed(part, keyword, "an object of schemas");
  return new Map(
    Object.entries(value).map((
      [name, schema],
    ) => [name, schemaPart(schema, pointer(part.path, keyword, name))]),
  );
}

export function numberAt(part: KeywordPart, keyword: string): number | undefined {
  const value = part.schema[keyword];
  if (value === undefined) return undefined;
  if (typeof value !== "number" || !Number.isFinite(value)) {
    throw malformed(part, keyword, "a number");
  }
  return value;
}

/** A whole number from 0. */
export function countAt(part: KeywordPart, keyword: string): number | undefined {
  const value = numberAt(part, keyword);
  if (value !== undefined && !(Number.isInteger(value) && value >= 0)) {
    throw malformed(part, keyword, "a whole number");
  }
  return value;
}

export function textAt(part: KeywordPart, keyword: string): string | undefined {
  const value = part.schema[keyword];
  if (value !== undefined && typeof value !== "string") throw malformed(part, keyword, "a string");
  return value;
}

/** Names of required properties. */
export function requiredAt(part: KeywordPart): readonly string[] {
  const value = part.schema.required ?? [];
  if (!Array.isArray(value) || value.some((name) => typeof name !== "string")) {
    throw malformed(part, "required", "a list of strings");
  }
  return value;
}

/** Types that the part itself names. */
export function typesAt(part: KeywordPart): readonly SchemaType[] | undefined {
  const value = part.schema.type;
  if (value === undefined) return undefined;
  const types = Array.isArray(value) ? value : [value];
  if (types.some((type) => !TYPES.has(type))) {
    throw malformed(part, "type", `one of ${[...TYPES].join(", ")}`);
  }
  return types;
}

/** Values of `enum` and `const`. */
export function valuesAt(part: KeywordPart): readonly unknown[] | undefined {
  const { enum: listed, const: only } = part.schema;
  if (listed !== undefined && !(Array.isArray(listed) && listed.length <= MAX_VALUES)) {
    throw malformed(part, "enum", `a list of at most ${MAX_VALUES} values`);
  }
  if (only === undefined) return listed;
  return listed === undefined ? [only] : listed.filter((value) => isSame(value, only));
}

/** Equal as JSON, whatever the order of properties. */
export function isSame(a: unknown, b: unknown): boolean {
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, i) => isSame(item, b[i]));
  }
  if (!isRecord(a)) return a === b;
  if (!isRecord(b)) return false;
  const names = Object.keys(a);
  return names.length === Object.keys(b).length &&
    names.every((name) => Object.hasOwn(b, name) && isSame(a[name], b[name]));
}

/** What a reference within the document (`#/...`) means; `path` is the reference's own place. */
export function referredPart(document: JsonSchema, reference: string, path: string): SchemaPart {
  if (reference !== "#" && !reference.startsWith("#/")) {
    throw new UnsupportedSchemaError("Only references within the schema (#/...) are known", path);
  }
  const target = decodedFragment(reference.slice(1), path);
  let value: unknown = document;
  for (const step of target.split("/").slice(1)) {
    const name = step.replaceAll("~1", "/").replaceAll("~0", "~");
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) {
      throw new UnsupportedSchemaError(`Nothing stands at ${JSON.stringify(reference)}`, path);
    }
    value = (value as Record<string, unknown>)[name];
  }
  return schemaPart(value, target);
}

function decodedFragment(fragment: string, path: string): string {
  try {
    return decodeURIComponent(fragment);
  } catch {
    throw new UnsupportedSchemaError("The reference is no URI fragment", path);
  }
}
