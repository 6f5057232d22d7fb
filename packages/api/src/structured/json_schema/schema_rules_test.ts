/** Tests of schema_rules.ts: schemas that are refused, or held in bounded time. Walks are in compile_constraint_test.ts. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { acceptsAll, tinyTokenizer, walk } from "../../../../../tests/support/constraint_walks.ts";
import { seededRandom } from "../../../../../tests/support/seeded_random.ts";
import { compileConstraint } from "../compile_constraint.ts";
import type { JsonSchema } from "../constraint_spec.ts";
import { UnsupportedSchemaError } from "../unsupported_schema_error.ts";
import { validate } from "../validation/validate.ts";

const TOKENIZER = tinyTokenizer(['":{"', '"}', "}}}}", "]]]]", "aaaa", " ab"]);

async function schemaStart(schema: JsonSchema) {
  const compiled = await compileConstraint({ kind: "schema", schema }, TOKENIZER);
  return () => compiled.start();
}

/** Schemas with texts that are held to be right and wrong. */
const HELD: readonly (readonly [JsonSchema, readonly string[], readonly string[]])[] = [
  [{ type: ["integer", "null", "boolean"] }, ["0", "-7", "null", "true"], [
    "1.5",
    '""',
    "[]",
    "-0",
  ]],
  [{ $ref: "#/definitions/a~1b%20c", definitions: { "a/b c": { const: 1 } } }, ["1"], ["2"]],
  [
    { $ref: "#/$defs/n", maximum: 5, $defs: { n: { type: "integer", minimum: 3 } } },
    ["3", "5"],
    ["2", "6"],
  ],
  [{ properties: { a: { minimum: 1 } } }, ["{}", '{"a":1}', '{"a":1.5}'], [
    "1",
    '{"a":0}',
    '{"b":1}',
  ]],
  [{ type: "object" }, ['{"x":[{}]}'], ["[]"]],
  [{ type: "object", properties: {} }, ["{}"], ['{"x":1}']],
  [
    { type: "object", required: ["b"], properties: { a: true, b: { enum: ["x"] }, c: false } },
    ['{"b":"x"}', '{"a":{"q":0},"b":"x"}'],
    ["{}", '{"a":1}', '{"b":"x","a":1}', '{"b":"x","c":1}', '{"b":"x","b":"x"}'],
  ],
  [
    { type: "object", properties: { ab: { const: 1 } }, additionalProperties: { const: 2 } },
    ["{}", '{"ab":1}', '{"ab":1,"a":2,"abc":2}', '{"x":2,"x":2}', '{"":2}'],
    ['{"ab":2}', '{"a":1}', '{"a":2,"ab":1}', '{"\\u0061b":2}', '{"a":2,"ab":2}'],
  ],
  [
    { type: "array", prefixItems: [{ const: 1 }, { const: 2 }], items: { const: 3 }, maxItems: 4 },
    ["[]", "[1]", "[1,2]", "[1,2,3,3]"],
    ["[2]", "[1,3]", "[1,2,3,3,3]", "[1,]", "[,]"],
  ],
  [{ type: "array", prefixItems: [{ const: 1 }] }, ["[]", "[1]"], ["[1,1]"]],
  [{ type: "array", items: false }, ["[]", "[ ]"], ["[1]"]],
  [{ type: "array", minItems: 2, items: { const: 0 } }, ["[0,0]", "[0,0,0,0]"], ["[]", "[0]"]],
  [
    { allOf: [{ anyOf: [{ minimum: 5 }, { type: "string" }] }, { type: ["integer", "null"] }] },
    ["5", "12", "null"],
    ["4", '"a"', "5.5"],
  ],
  [{ enum: [1, "a", 5, null], minimum: 2, type: ["number", "null"] }, ["5", "null"], ["1", '"a"']],
  [{ enum: ["ab", "abc", "é\n"], minLength: 3, pattern: "c$" }, ['"abc"'], ['"ab"', '"é\\n"']],
  [{ const: { b: [1, {}], a: "x" } }, ['{"b":[1,{}],"a":"x"}', '{"b": [1, {}], "a": "x"}'], ["{}"]],
  [
    { oneOf: [{ type: "string" }, { type: "integer" }, { type: "object", required: ["k"] }] },
    ['"a"', "1", '{"k":1}'],
    ["null", "{}"],
  ],
  [{ type: "string", pattern: "b+", maxLength: 3 }, ['"b"', '"abb"'], ['"a"', '"abbb"']],
  [{ type: "string", pattern: '^[\\n"\\\\\u0001]$' }, ['"\\n"', '"\\""', '"\\\\"', '"\\u0001"'], [
    '"n"',
  ]],
  [{ type: "number" }, ["-0", "1e5", "1.5E+300", "5e-324", "0.30000000000000004"], [
    "1.",
    ".5",
    "1e999",
  ]],
  [{ type: "string", format: "date" }, ['"2000-02-29"', '"1999-12-31"'], [
    '"1900-02-29"',
    '"2001-04-31"',
  ]],
  [{ type: "integer", format: "int32" }, ["1"], ["1.5"]],
];

for (const [schema, right, wrong] of HELD) {
  Deno.test(`held: ${JSON.stringify(schema).slice(0, 80)}`, async () => {
    const start = await schemaStart(schema);
    for (const text of right) assert(acceptsAll(start(), TOKENIZER.encode(text)), text);
    for (const text of wrong) assert(!acceptsAll(start(), TOKENIZER.encode(text)), text);
  });
}

/** Any combination of keywords, most of which can be held. */
function randomSchema(random: (limit: number) => number, depth: number): JsonSchema {
  const one = <T>(...of: readonly T[]): T => of[random(of.length)];
  const some = (make: () => JsonSchema) => Array.from({ length: 1 + random(3) }, make);
  const inner = () => randomSchema(random, depth - 1);
  const schema: Record<string, unknown> = {};
  const kind = random(depth > 0 ? 12 : 6);
  if (random(3) > 0) {
    schema.type = one<unknown>("string", "integer", "number", "object", "array", [
      "null",
      "string",
    ]);
  }
  if (kind === 0) schema.enum = [1, "ab", null, 2.5, [], { a: 1 }].slice(random(4));
  if (kind === 1) Object.assign(schema, { minLength: random(4), maxLength: random(6) });
  if (kind === 2) Object.assign(schema, { minimum: random(40) / 4 - 5, maximum: random(400) / 4 });
  if (kind === 3) {
    Object.assign(schema, { exclusiveMinimum: random(9), multipleOf: one(1, 0.5, 3) });
  }
  if (kind === 4) schema.pattern = one("^a+$", "b", "^[^x]{2}$", "\\\\d$");
  if (kind === 5) schema.format = one("date", "ipv4", "uuid", "duration");
  if (kind >= 6 && kind <= 8) {
    schema.properties = { a: inner(), b: inner(), c: inner() };
    schema.required = ["a", "c", "d"].slice(random(4));
    if (random(2) === 0) schema.additionalProperties = one<unknown>(false, true, inner());
  }
  if (kind === 9) {
    Object.assign(schema, { items: inner(), minItems: random(3), maxItems: random(5) });
    if (random(2) === 0) schema.prefixItems = some(inner);
  }
  if (kind >= 10) schema[one("anyOf", "allOf", "oneOf")] = some(inner);
  if (random(12) === 0) schema.$ref = "#";
  return schema;
}

Deno.test("random schemas: refused by name, or walks give valid values", async () => {
  const random = seededRandom(21);
  let held = 0;
  for (let round = 0; round < 1_500; round++) {
    const schema = randomSchema(random, 3);
    let start;
    try {
      start = await schemaStart(schema);
    } catch (error) {
      assert(error instanceof UnsupportedSchemaError, JSON.stringify(schema));
      continue;
    }
    held++;
    walk(start, TOKENIZER, random, 25, (text) => {
      assertEquals(validate(schema, JSON.parse(text)), [], `${JSON.stringify(schema)} ${text}`);
    });
  }
  assert(held > 500, String(held));
});

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
