/** Tests of compile_constraint.ts: walks over real vocabularies, texts that must be accepted, hostile schemas. */
import { readFileSync } from "node:fs";
import { createTokenizer, stringList, type Tokenizer } from "@aha/runtime/tokenizer";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  acceptsAll,
  allowedIds,
  isAllowed,
  textOf,
  tinyTokenizer,
  walk,
} from "../../../../tests/support/constraint_walks.ts";
import { fixturePath } from "../../../../tests/support/fixture.ts";
import { seededRandom } from "../../../../tests/support/seeded_random.ts";
import { tokenizerOfFile } from "../../../../tests/support/token_tables.ts";
import { compileConstraint } from "./compile_constraint.ts";
import type { JsonSchema } from "./constraint_spec.ts";
import { UnsupportedSchemaError } from "./unsupported_schema_error.ts";
import { validate } from "./validation/validate.ts";

/** Tokens as trained vocabularies have them: several signs of JSON, parts of characters, spaces. */
const TEXTS = [
  '":{"',
  '"}',
  '"}]',
  "}}",
  '","',
  '": ',
  "\n\n",
  "  ",
  "ab",
  "é",
  "true",
  "10",
  '\\"',
];

/** A small vocabulary that sentencepiece has trained, with a token for each byte. */
function sentencePiece(): Tokenizer {
  const { tokens, scores, types } = JSON.parse(readFileSync(
    new URL("../../../../tests/fixtures/sentencepiece/sentencepiece.json", import.meta.url),
    "utf8",
  ));
  return createTokenizer({
    ...{ model: "llama", pre: "default", tokens: stringList(tokens), merges: stringList([]) },
    ...{ scores, types: Int32Array.from(types), bosId: 1, eosId: 2, unknownId: 0 },
  });
}

const VOCABULARIES = {
  sentencePiece: sentencePiece(),
  llama: await tokenizerOfFile(fixturePath("models/llama_untied/gguf/model-F16.gguf")),
  qwen: await tokenizerOfFile(fixturePath("models/qwen3/gguf/model-Q8_0.gguf")),
  deepseek: await tokenizerOfFile(fixturePath("models/deepseek_v3/gguf/model-Q8_0.gguf")),
  bytes: tinyTokenizer(TEXTS),
  holes: tinyTokenizer([...TEXTS, "\u{50000}"], [4, 6, 0x13, 0x1d, 0xc0, 0xc1, 0xf1, 0xf2, 0xf5]),
};

const PERSON: JsonSchema = {
  type: "object",
  properties: {
    name: { type: "string", minLength: 1, maxLength: 12 },
    age: { type: "integer", minimum: 0, maximum: 150 },
    height: { type: "number", exclusiveMinimum: 0, maximum: 2.72 },
    tags: { type: "array", items: { type: "string" }, minItems: 1, maxItems: 3 },
    kind: { enum: ["a", "ab", 3, null, { x: [1] }] },
    born: { type: ["string", "null"], format: "date" },
    note: { type: "string" },
  },
  required: ["name", "age", "height", "tags", "kind"],
  additionalProperties: false,
};
const TREE: JsonSchema = {
  $ref: "#/$defs/node",
  $defs: {
    node: {
      type: "object",
      properties: {
        value: { type: "integer" },
        children: { type: "array", items: { $ref: "#/$defs/node" } },
        next: { anyOf: [{ $ref: "#/$defs/node" }, { type: "null" }] },
      },
      required: ["value", "next"],
      additionalProperties: false,
    },
  },
};

/** Schemas, each with values that are valid, properties in its order. */
const SCHEMAS: Readonly<Record<string, readonly [JsonSchema, readonly unknown[]]>> = {
  person: [PERSON, [
    { name: "Jérôme", age: 42, height: 1.8, tags: ["x", ""], kind: "ab", born: "2024-02-29" },
    { name: '"\\\n', age: 150, height: 0.0001, tags: ["日本語 😀"], kind: { x: [1] }, note: "" },
    { name: "x", age: 0, height: 2.72, tags: ["\u0001"], kind: null, born: null, note: "\u007f" },
  ]],
  tree: [TREE, [
    { value: -7, next: null },
    {
      value: 1,
      children: [{ value: 2, next: null }],
      next: { value: 3, children: [], next: null },
    },
  ]],
  union: [
    {
      anyOf: [
        { type: "object", properties: { a: { type: "string" } }, required: ["a"] },
        { type: "object", properties: { a: { type: "integer" }, b: {} }, required: ["a"] },
        { type: "array", prefixItems: [{ const: "x" }, { type: "boolean" }], minItems: 2 },
        { type: "number", multipleOf: 0.25, minimum: -1 },
      ],
    },
    [{ a: "q" }, { a: 1, b: { c: [null, 1e21] } }, ["x", false], -0.75, 12.5],
  ],
  merged: [
    {
      allOf: [
        {
          type: "object",
          properties: { id: { type: "integer", minimum: 3 }, code: true },
          required: ["id"],
          additionalProperties: { type: "array", items: { enum: ["x", 1] } },
        },
        {
          properties: { id: { maximum: 5 }, code: { type: "string", pattern: "^[A-Z]{2}-\\d+$" } },
        },
      ],
    },
    [{ id: 4, code: "AB-12" }, { id: 3, code: "ZZ-0", extra: ["x", 1], more: [] }],
  ],
  formats: [
    {
      type: "array",
      items: {
        anyOf: ["date-time", "time", "duration", "email", "uuid", "ipv4", "ipv6", "hostname", "uri"]
          .map((format) => ({ type: "string", format })),
      },
    },
    [[
      ...["2024-02-29T23:59:59.5Z", "00:00:00+01:00", "P1Y2M3DT4H", "a.b+c@example.org"],
      ...["123e4567-e89b-12d3-a456-426614174000", "255.0.10.199", "2001:db8::ff00:42:8329", "::"],
      ...["a-b.example.com", "https://example.com:8080/a/b?c=d#e"],
    ]],
  ],
  any: [true, [null, -0.5, 1e-7, 1.7976931348623157e+30, "x", [[]], { "": { a: [{}] } }]],
  chosen: [
    {
      oneOf: [
        { type: "object", properties: { t: { const: "a" }, x: { type: "null" } }, required: ["t"] },
        { type: "object", properties: { t: { const: "b" } }, required: ["t"] },
        { type: "string", maxLength: 300 },
      ],
    },
    [{ t: "a", x: null }, { t: "b" }, "é".repeat(300)],
  ],
};

async function schemaStart(schema: JsonSchema, tokenizer = VOCABULARIES.bytes) {
  const compiled = await compileConstraint({ kind: "schema", schema }, tokenizer);
  return () => compiled.start();
}

for (const [vocabulary, tokenizer] of Object.entries(VOCABULARIES)) {
  for (const [name, [schema, values]] of Object.entries(SCHEMAS)) {
    Deno.test(`walks: allowed tokens of ${vocabulary} give JSON of the schema ${name}, wherever they are cut`, async () => {
      const start = await schemaStart(schema, tokenizer);
      const random = seededRandom(7);
      for (let round = 0; round < 12; round++) {
        walk(start, tokenizer, random, 40, (text) => {
          assertEquals(validate(schema, JSON.parse(text)), [], text);
        });
      }
    });

    Deno.test(`texts: what JSON.stringify writes for values of ${name} is accepted in tokens of ${vocabulary}`, async () => {
      const start = await schemaStart(schema, tokenizer);
      for (const value of values) {
        assertEquals(validate(schema, value), []);
        for (const text of [JSON.stringify(value), JSON.stringify(value, null, 2)]) {
          const written = textOf(tokenizer, tokenizer.encode(text));
          if (written.trimStart() !== text) continue; // bytes that it lacks
          assert(acceptsAll(start(), tokenizer.encode(text)), text);
          if (written !== text) continue; // it writes a space first
          assert(acceptsAll(start(), tokenizer.encode(`\n\n${text}`)), text);
        }
      }
    });
  }
}

Deno.test("masks: a token is allowed exactly where a copy of the constraint accepts it", async () => {
  for (const tokenizer of [VOCABULARIES.bytes, VOCABULARIES.holes, VOCABULARIES.qwen]) {
    for (const [schema] of Object.values(SCHEMAS)) {
      const start = await schemaStart(schema, tokenizer);
      const random = seededRandom(3);
      for (let round = 0; round < 4; round++) {
        const ids: number[] = [];
        while (ids.length < 12) {
          const constraint = start();
          for (const id of ids) constraint.accept(id);
          const allowed = allowedIds(constraint, tokenizer);
          const accepted: number[] = [];
          for (let id = 0; id < tokenizer.vocabularySize; id++) {
            if (tokenizer.endIds.has(id)) continue;
            const copy = start();
            for (const each of ids) copy.accept(each);
            try {
              copy.accept(id);
              accepted.push(id);
            } catch (error) {
              assert(error instanceof RangeError);
            }
          }
          assertEquals(allowed, accepted, String(ids));
          if (allowed.length === 0) break;
          ids.push(allowed[random(allowed.length)]);
        }
      }
    }
  }
});

Deno.test("masks: those of a constraint that has run are those of a fresh one", async () => {
  const [schema] = SCHEMAS.person;
  const used = await schemaStart(schema);
  const random = seededRandom(5);
  for (let round = 0; round < 20; round++) walk(used, VOCABULARIES.bytes, random, 30, () => {});
  const fresh = await schemaStart(schema, tinyTokenizer(TEXTS));
  const [a, b] = [used(), fresh()];
  for (const id of VOCABULARIES.bytes.encode(JSON.stringify(SCHEMAS.person[1][1]))) {
    assertEquals([...a.allowed() ?? []], [...b.allowed() ?? []]);
    a.accept(id);
    b.accept(id);
  }
});

Deno.test("closing: from the midst of characters, escapes, numbers and literals", async () => {
  const tokenizer = VOCABULARIES.bytes;
  const compiled = await compileConstraint({ kind: "schema", schema: PERSON }, tokenizer);
  const encoder = new TextEncoder();
  const texts = [
    '{"na',
    '{"name":"\\',
    '{"name":"\\uD83',
    '{"name":"x","age":1',
    '{"name":"x","age":',
  ];
  const cuts = texts.map((text) => [...encoder.encode(text)]);
  cuts.push([...encoder.encode('{"name":"'), 0xf0, 0x9f]);
  for (const cut of cuts) {
    const constraint = compiled.start();
    for (const byte of cut) constraint.accept(byte + 1);
    const ids = [...cut.map((byte) => byte + 1), ...constraint.closing()];
    assertEquals(validate(PERSON, JSON.parse(textOf(tokenizer, ids))), []);
  }
});

Deno.test("closing: the shortest values, in tokens of several signs", async () => {
  const compiled = await compileConstraint({ kind: "schema", schema: PERSON }, VOCABULARIES.bytes);
  const constraint = compiled.start();
  const text = textOf(VOCABULARIES.bytes, constraint.closing());
  assertEquals(text, '{"name":"a","age":0,"height":1,"tags":[""],"kind":3}');
  assertEquals(constraint.closing().length, text.length - 2); // `","` is one token
});

Deno.test("lengths: characters are counted, whatever their bytes and escapes", async () => {
  const start = await schemaStart({ type: "string", minLength: 2, maxLength: 3 });
  const open = await schemaStart({ type: "string", minLength: 2 });
  const characters = ["a", "é", "😀", "\\n", "\\u00e9", "\\ud83d\\ude00", '\\"'];
  for (const a of characters) {
    for (const b of characters) {
      for (const [count, text] of [a, a + b, a + b + a, a + b + a + b].entries()) {
        const ids = VOCABULARIES.bytes.encode(`"${text}"`);
        assertEquals(acceptsAll(start(), ids), count === 1 || count === 2, text);
        assertEquals(acceptsAll(open(), ids), count > 0, text);
      }
    }
  }
});

Deno.test("accept: a token that may not come is an error and changes nothing", async () => {
  const start = await schemaStart({ type: "boolean" });
  const constraint = start();
  assertThrows(() => constraint.accept(1 + 0x78), RangeError, "not allowed here");
  assert(isAllowed(constraint, 1 + 0x74));
});

Deno.test("cache: one tokenizer and spec are compiled once, the oldest are forgotten", async () => {
  const tokenizer = tinyTokenizer();
  const literal = (text: string) => compileConstraint({ kind: "literal", text }, tokenizer);
  const first = await literal("0");
  assert(first === await literal("0"));
  for (let i = 1; i < 8; i++) await literal(String(i));
  assert(first === await literal("0"));
  for (let i = 8; i < 16; i++) await literal(String(i));
  assert(first !== await literal("0"));
});

Deno.test("vocabulary: what it cannot spell is not reached, and refused where nothing is left", async () => {
  const tokenizer = tinyTokenizer(["é"], [0xa9]);
  const start = await schemaStart({ type: "string" }, tokenizer);
  const constraint = start();
  constraint.accept(tokenizer.encode('"')[0]);
  const [whole, firstByte] = [tokenizer.vocabularySize - 1, 1 + 0xc3];
  assert(isAllowed(constraint, whole) && isAllowed(constraint, firstByte));
  await assertRejects(
    () => compileConstraint({ kind: "schema", schema: { const: "é" } }, tokenizer),
    UnsupportedSchemaError,
  );
});

Deno.test("closing: behind a token it is what it is once the token has come, and nothing has", async () => {
  const tokenizer = VOCABULARIES.bytes;
  const compiled = await compileConstraint({ kind: "schema", schema: PERSON }, tokenizer);
  const [asked, told] = [compiled.start(), compiled.start()];
  for (const byte of new TextEncoder().encode('{"name":"xy","age":12,"height":1.5')) {
    const ahead = [...asked.closing(byte + 1)];
    asked.accept(byte + 1);
    told.accept(byte + 1);
    assertEquals([ahead, [...asked.closing()]], [[...told.closing()], [...told.closing()]]);
  }
  assertThrows(() => asked.closing(1 + 0x78), RangeError, "not allowed here");
});
