/** Tests of schema_rules.ts: schemas that are refused, or held in bounded time. Walks are in compile_constraint_test.ts. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { tinyTokenizer, walk } from "../../../../../tests/support/constraint_walks.ts";
import { seededRandom } from "../../../../../tests/support/seeded_random.ts";
import { compileConstraint } from "../compile_constraint.ts";
import type { JsonSchema } from "../constraint_spec.ts";
import { UnsupportedSchemaError } from "../unsupported_schema_error.ts";

const TOKENIZER = tinyTokenizer(['":{"', '"}', "}}}}", "]]]]", "aaaa", " ab"]);

async function schemaStart(schema: JsonSchema) {
  const compiled = await compileConstraint({ kind: "schema", schema }, TOKENIZER);
  return () => compiled.start();
}

function nested(depth: number): JsonSchema {
  let schema: JsonSchema = { type: "null" };
  for (let i = 0; i < depth; i++) schema = { type: "array", items: schema };
  return schema;
}

const doubling = (levels: number, keyword: string): JsonSchema => ({
  $defs: Object.fromEntries(Array.from({ length: levels }, (_, i) => {
    const next = i === levels - 1 ? { type: "null" } : { $ref: `#/$defs/d${i + 1}` };
    return [`d${i}`, { [keyword]: [next, { anyOf: [next, { type: "string" }] }] }];
  })),
  $ref: "#/$defs/d0",
});

/** Of each of several unions one alternative holds. */
const manyUnions = (count: number): JsonSchema => ({
  allOf: Array.from({ length: count }, (_, i) => ({
    anyOf: [{ minimum: i }, { maximum: -i }, { multipleOf: i + 1 }],
  })),
});

/** Schemas that would take too much or cannot be held, with the pointer that the error names. */
const REFUSED: readonly (readonly [JsonSchema, string])[] = [
  [{ not: {} }, "/not"],
  [
    { type: "object", properties: { a: { patternProperties: {} } } },
    "/properties/a/patternProperties",
  ],
  [{ type: "array", items: { uniqueItems: true } }, "/items/uniqueItems"],
  [{ type: "string", pattern: "(?=a)b" }, "/pattern"],
  [{ type: "string", pattern: "(a|b)*a(a|b){20}" }, "/pattern"],
  [{ type: "string", pattern: "((((a{99}){99}){99}){99}){99}" }, "/pattern"],
  [{ type: "string", pattern: "(".repeat(500) + ")".repeat(500) }, "/pattern"],
  [{ type: "string", pattern: "[" }, "/pattern"],
  [{ type: "string", format: "idn-email" }, "/format"],
  [{ type: "array", minItems: 1e9 }, "/minItems"],
  [{ type: "array", maxItems: 1e9 }, "/maxItems"],
  [{ type: "string", minLength: 1e9 }, "/minLength"],
  [{ type: "number", multipleOf: 1e-20 }, ""],
  [{ type: "integer", minimum: 5, maximum: 4 }, ""],
  [{ enum: [] }, ""],
  [{ type: "text" }, "/type"],
  [{ type: "object", required: "a" }, "/required"],
  [{ $ref: "#/$defs/none" }, "/$ref"],
  [{ $ref: "https://example.com/schema" }, "/$ref"],
  [{ $ref: "#" }, ""],
  [{ anyOf: [{ $ref: "#" }, { type: "null" }] }, ""],
  [{ oneOf: [{ type: "string" }, { type: "string", maxLength: 3 }] }, "/oneOf"],
  [{ properties: { a: { $ref: "#" } }, required: ["a"], type: "object" }, ""],
  [{ enum: Array.from({ length: 6_000 }, (_, i) => i) }, "/enum"],
  [{ enum: Array.from({ length: 4_000 }, (_, i) => `${"x".repeat(60)}${i * 7919}`.repeat(3)) }, ""],
  [nested(1_000), ""],
  [{ ...nested(30) as object, minItems: 4_096, items: { type: "array", minItems: 4_096 } }, ""],
  [{ anyOf: Array.from({ length: 3_000 }, (_, i) => ({ const: i })) }, ""],
  [manyUnions(30), ""],
  [false, ""],
];

for (const [index, [schema, path]] of REFUSED.entries()) {
  const name = JSON.stringify(schema).slice(0, 80);
  Deno.test(`refused in bounded time (${index}): ${name}`, async () => {
    const begin = performance.now();
    const error = await assertRejects(() => schemaStart(schema), UnsupportedSchemaError);
    assertEquals((error as UnsupportedSchemaError).path, path);
    assert(performance.now() - begin < 3_000);
  });
}

Deno.test("hostile schemas that can be held stay quick to run", async () => {
  const same = { type: "object", properties: { x: { $ref: "#" } }, required: [] };
  const hostile: JsonSchema[] = [
    { anyOf: [same, { ...same, properties: { x: { $ref: "#" }, y: {} } }, { type: "null" }] },
    { type: "string", pattern: "^(a+)+$" },
    { type: "string", pattern: "(.?){500}" },
    doubling(12, "anyOf"),
    nested(200),
    {
      type: "object",
      properties: Object.fromEntries(Array.from({ length: 2_000 }, (_, i) => [`p${i}`, true])),
    },
  ];
  for (const schema of hostile) {
    const begin = performance.now();
    const start = await schemaStart(schema);
    const random = seededRandom(11);
    for (let round = 0; round < 3; round++) walk(start, TOKENIZER, random, 20, JSON.parse);
    assert(performance.now() - begin < 5_000, JSON.stringify(schema).slice(0, 60));
  }
});
