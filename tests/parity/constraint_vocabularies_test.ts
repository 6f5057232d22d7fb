/** Constrained output over the real vocabularies of SmolLM2, Qwen3 and DeepSeek-V3: walks, masks, texts. No model behind them. */
import process from "node:process";
import { assert, assertEquals } from "@std/assert";
import type { TokenConstraint, Tokenizer } from "../../packages/runtime/mod.ts";
import { createTokenizer, openTokenizer } from "../../packages/runtime/src/tokenizer/mod.ts";
import {
  compileConstraint,
  type ConstraintSpec,
  type JsonSchema,
  validate,
} from "../../packages/api/src/structured/mod.ts";
import { acceptsAll, isAllowed, textOf, walk } from "../support/constraint_walks.ts";
import { publishedVocabulary } from "../support/published_tokenizer.ts";
import { seededRandom } from "../support/seeded_random.ts";

/** The file that AHA_SMOLLM2 names, else the model in the cache. */
const MODEL = process.env.AHA_SMOLLM2 || "smollm2-135m";

const SCHEMA: JsonSchema = {
  type: "object",
  properties: {
    title: { type: "string", maxLength: 40 },
    mail: { type: "string", format: "email" },
    score: { type: "number", minimum: 0, maximum: 1 },
    parts: {
      type: "array",
      items: {
        type: "object",
        properties: { kind: { enum: ["noun", "verb"] }, text: { type: "string" } },
        required: ["kind", "text"],
        additionalProperties: false,
      },
    },
    more: { type: "object", additionalProperties: { type: ["integer", "null"] } },
  },
  required: ["title", "score", "parts"],
  additionalProperties: false,
};
const VALUE = {
  title: 'A "title": 日本語, 😀\\é',
  mail: "someone@mail.example.org",
  score: 0.25,
  parts: [{ kind: "noun", text: "New York\n" }, { kind: "verb", text: "\u0007" }],
  more: { "some key": 12, other: null },
};

const VOCABULARIES: Readonly<Record<string, () => Promise<Tokenizer>>> = {
  smollm2: () => openTokenizer(MODEL),
  qwen3: async () => createTokenizer(await publishedVocabulary("qwen3")),
  deepseek_v3: async () => createTokenizer(await publishedVocabulary("deepseek_v3")),
};

for (const [name, open] of Object.entries(VOCABULARIES)) {
  Deno.test(`${name} constraint: walks end in valid JSON wherever they are cut`, async () => {
    const tokenizer = await open();
    for (const spec of [{ kind: "schema", schema: SCHEMA }, { kind: "json" }] as const) {
      const compiled = await compileConstraint(spec, tokenizer);
      const random = seededRandom(4);
      for (let round = 0; round < 6; round++) {
        walk(() => compiled.start(), tokenizer, random, 25, (text) => {
          const value = JSON.parse(text);
          if (spec.kind === "schema") assertEquals(validate(spec.schema, value), [], text);
          else assert(typeof value === "object" && !Array.isArray(value));
        });
      }
    }
  });

  Deno.test(`${name} constraint: valid texts are accepted in the vocabulary's own tokens`, async () => {
    const tokenizer = await open();
    assertEquals(validate(SCHEMA, VALUE), []);
    const compiled = await compileConstraint({ kind: "schema", schema: SCHEMA }, tokenizer);
    for (const text of [JSON.stringify(VALUE), `\n\n${JSON.stringify(VALUE, null, 4)}`]) {
      const ids = tokenizer.encode(text);
      assertEquals(textOf(tokenizer, ids), text);
      assert(acceptsAll(compiled.start(), ids), text);
    }
  });

  Deno.test(`${name} constraint: masks are what tokens do one by one, whatever was kept before`, async () => {
    const tokenizer = await open();
    const specs: ConstraintSpec[] = [
      { kind: "schema", schema: SCHEMA },
      { kind: "schema", schema: { type: "string", minLength: 3, maxLength: 9 } },
    ];
    const texts = [JSON.stringify(VALUE), '"ab'];
    const control = new Set([...tokenizer.controlTokens.values(), ...tokenizer.endIds]);
    for (const [i, spec] of specs.entries()) {
      const compiled = await compileConstraint(spec, tokenizer);
      const ids = tokenizer.encode(texts[i]);
      for (let length = 0; length <= ids.length; length += i === 0 ? 5 : 1) {
        const constraint = compiled.start();
        for (const id of ids.slice(0, length)) constraint.accept(id);
        const mask = constraint.allowed()?.slice();
        for (let id = length % 31; id < tokenizer.vocabularySize; id += 31) {
          const copy = compiled.start();
          for (const each of ids.slice(0, length)) copy.accept(each);
          const isExpected = !control.has(id) && isAccepted(copy, id);
          assertEquals(
            ((mask?.[id >> 5] ?? 0) >>> (id & 31) & 1) === 1,
            isExpected,
            `${length} ${id}`,
          );
        }
      }
    }
  });

  Deno.test(`${name} constraint: a long string with a bound keeps its masks right`, async () => {
    const tokenizer = await open();
    const schema = { type: "string", maxLength: 300 };
    const compiled = await compileConstraint({ kind: "schema", schema }, tokenizer);
    const constraint = compiled.start();
    const [quote, letter] = [tokenizer.encode('"')[0], tokenizer.encode("a")[0]];
    constraint.accept(quote);
    for (let i = 0; i < 300; i++) {
      assert(isAllowed(constraint, letter) && isAllowed(constraint, quote), String(i));
      constraint.accept(letter);
    }
    assert(!isAllowed(constraint, letter) && isAllowed(constraint, quote));
  });
}

function isAccepted(constraint: TokenConstraint, id: number): boolean {
  try {
    constraint.accept(id);
    return true;
  } catch {
    return false;
  }
}
