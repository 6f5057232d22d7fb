/** Goes through a schema's subschemas: which keywords hold them. Judges no value. */
import type { JsonSchema } from "../constraint_spec.ts";
import { isRecord, pointer } from "../json_schema/keywords.ts";

/** Keywords with one schema. */
const ONE: readonly string[] = [
  ...["not", "if", "then", "else", "items", "contains", "propertyNames"],
  ...["additionalProperties", "unevaluatedProperties", "unevaluatedItems"],
];
/** With a list of them. */
const LISTED: readonly string[] = ["allOf", "anyOf", "oneOf", "prefixItems"];
/** With schemas by name. */
const NAMED: readonly string[] = ["properties", "$defs", "definitions", "dependentSchemas"];

/** A copy in which each schema, those within it first, is what `map` makes of it. */
export function mappedSchema(
  schema: JsonSchema,
  map: (keywords: Readonly<Record<string, unknown>>, path: string) => JsonSchema,
  path = "",
): JsonSchema {
  if (!isRecord(schema)) return schema;
  const entries = Object.entries(schema).map(([keyword, value]): [string, unknown] => {
    const at = pointer(path, keyword);
    if (ONE.includes(keyword)) return [keyword, mappedSchema(value as JsonSchema, map, at)];
    if (LISTED.includes(keyword) && Array.isArray(value)) {
      return [keyword, value.map((each, i) => mappedSchema(each, map, pointer(at, i)))];
    }
    if (!NAMED.includes(keyword) || !isRecord(value)) return [keyword, value];
    const named = Object.entries(value).map(([name, each]) =>
      [name, mappedSchema(each as JsonSchema, map, pointer(at, name))] as const
    );
    return [keyword, Object.fromEntries(named)];
  });
  return map(Object.fromEntries(entries), path);
}
