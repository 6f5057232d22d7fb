/** Whether a parsed value holds to a schema. Draws nothing and repairs nothing. */
import { format as formats, type Schema, Validator } from "@cfworker/json-schema";
import type { JsonSchema } from "../constraint_spec.ts";
import { acceptsText, automatonOf } from "../pattern/character_automaton.ts";
import { parsePattern, PatternError } from "../pattern/pattern.ts";
import { UnsupportedSchemaError } from "../unsupported_schema_error.ts";
import { checkNesting } from "../check_nesting.ts";
import { checkWork } from "./check_work.ts";
import { mappedSchema } from "./mapped_schema.ts";

/** What does not hold, and where in the value, as a JSON pointer. */
export interface SchemaViolation {
  readonly path: string;
  readonly message: string;
}

/** Formats whose check may take time without bound, and that the standard does not know. */
const UNSAFE_FORMATS: ReadonlySet<unknown> = new Set(["url"]);

/**
 * The first violations of a schema (draft 2020-12) by a value out of `JSON.parse`; none: it holds. Throws an
 * UnsupportedSchemaError for schemas that cannot be checked in bounded time.
 *
 * By @cfworker/json-schema, which works without `eval`. What it lacks is a bound: patterns go through this folder's
 * automata instead of backtracking, and combinations that multiply are refused first.
 *
 * ```ts
 * import { validate } from "@aha/api/structured";
 * validate({ type: "object", required: ["city"] }, {}).length; // 1
 * ```
 */
export function validate(schema: JsonSchema, value: unknown): readonly SchemaViolation[] {
  checkNesting(schema);
  checkWork(schema, value);
  const patterns = new Map<string, (text: string) => boolean>();
  const checked = mappedSchema(schema, (keywords, path) => withoutRisk(keywords, path, patterns));
  try {
    for (const [name, test] of patterns) formats[name] = test;
    const { errors } = new Validator(checked as Schema, "2020-12").validate(value);
    return errors.map(({ instanceLocation, error }) => ({
      path: instanceLocation.slice(1),
      message: error,
    }));
  } catch (error) {
    // The validator expects a schema that is one.
    throw new UnsupportedSchemaError(`The schema is malformed (${(error as Error).message})`, "");
  } finally {
    for (const name of patterns.keys()) delete formats[name];
  }
}

/** Patterns become formats of their own. References are within the document, so no other address matters. */
function withoutRisk(
  { $id: _, $schema: __, pattern, format, ...rest }: Readonly<Record<string, unknown>>,
  path: string,
  patterns: Map<string, (text: string) => boolean>,
): Record<string, unknown> {
  const keywords: Record<string, unknown> = { ...rest };
  if (Object.hasOwn(formats, String(format)) && !UNSAFE_FORMATS.has(format)) {
    keywords.format = format;
  }
  if (typeof pattern !== "string") return keywords;
  const name = `pattern ${pattern}`;
  try {
    const automaton = automatonOf(parsePattern(pattern));
    patterns.set(name, (text) => acceptsText(automaton, text));
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    throw new UnsupportedSchemaError(error.message, `${path}/pattern`);
  }
  return {
    ...keywords,
    allOf: [...(keywords.allOf as unknown[] | undefined) ?? [], { format: name }],
  };
}
