/** Tests of validate.ts: what is found, what is refused, that nothing takes long. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { format } from "@cfworker/json-schema";
import type { JsonSchema } from "../constraint_spec.ts";
import { UnsupportedSchemaError } from "../unsupported_schema_error.ts";
import { validate } from "./validate.ts";

const SCHEMA: JsonSchema = {
  $id: "not a URI at all",
  type: "object",
  properties: {
    code: { type: "string", pattern: "^[A-Z]+$", maxLength: 3 },
    at: { type: "string", format: "date-time" },
    pattern: { type: "integer" },
    list: { type: "array", items: { $ref: "#/$defs/item" } },
  },
  required: ["code"],
  additionalProperties: false,
  $defs: { item: { anyOf: [{ type: "null" }, { type: "string", pattern: "x" }] } },
};

Deno.test("validate: names what does not hold and where; the schema stays as it is", () => {
  const text = JSON.stringify(SCHEMA);
  assertEquals(
    validate(SCHEMA, { code: "AB", at: "2024-01-01T00:00:00Z", list: [null, "axb"] }),
    [],
  );
  const wrong = [{}, { code: "ab" }, { code: "ABCD" }, { code: "A", at: "today" }, {
    code: "A",
    b: 1,
  }];
  for (const value of [...wrong, { code: "A", list: ["y"] }, { code: "A", pattern: "1" }, []]) {
    assert(validate(SCHEMA, value).length > 0, JSON.stringify(value));
  }
  assert(validate(SCHEMA, { code: "ab" }).some(({ path }) => path === "/code"));
  assertEquals(JSON.stringify(SCHEMA), text);
  assertEquals(Object.keys(format).filter((name) => name.startsWith("pattern ")), []);
});

Deno.test("validate: keywords that cannot be held while drawing are checked here", () => {
  const schema: JsonSchema = { not: { type: "string" }, uniqueItems: true, minProperties: 1 };
  assertEquals(validate(schema, [1, 2]), []);
  for (const value of ["a", [1, 1], {}]) assert(validate(schema, value).length > 0);
});

Deno.test("validate: patterns that backtrack and combinations that multiply take no time", () => {
  const begin = performance.now();
  const backtracking = { type: "string", pattern: "^(a+)+$" };
  assert(validate(backtracking, "a".repeat(40) + "!").length > 0);
  const levels: Record<string, unknown> = { d30: { type: "null" } };
  for (let i = 0; i < 30; i++) {
    const next = { $ref: `#/$defs/d${i + 1}` };
    levels[`d${i}`] = { allOf: [next, next, { type: ["null", "object"] }] };
  }
  assertThrows(() => validate({ $defs: levels, $ref: "#/$defs/d0" }, null), UnsupportedSchemaError);
  const twice = { properties: { x: { $ref: "#" } } };
  let deep: unknown = 1;
  for (let i = 0; i < 60; i++) deep = { x: deep };
  assertThrows(() => validate({ anyOf: [twice, twice] }, deep), UnsupportedSchemaError);
  assertThrows(() => validate({ $ref: "#" }, 1), UnsupportedSchemaError);
  assert(performance.now() - begin < 2_000);
});

Deno.test("validate: schemas that are none are refused by name", () => {
  for (
    const schema of [
      ...[{ properties: [1] }, { $ref: "#/nowhere" }, { pattern: "(?=a)" }, { required: 5 }],
      ...[{ patternProperties: { "^(a+)+$": {} } }, { anyOf: {} }, { $ref: "other.json" }],
    ]
  ) {
    try {
      validate(schema as JsonSchema, { a: "b" });
    } catch (error) {
      assert(error instanceof UnsupportedSchemaError, JSON.stringify(schema));
    }
  }
  assertThrows(() => validate({ pattern: "(?=a)" }, "a"), UnsupportedSchemaError);
});
