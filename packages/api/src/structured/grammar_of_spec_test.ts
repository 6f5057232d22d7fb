/** Tests of grammar_of_spec.ts: literals and control tokens, compositions, JSON of any kind. */
import { assert, assertEquals } from "@std/assert";
import {
  acceptsAll,
  allowedIds,
  tinyTokenizer,
} from "../../../../tests/support/constraint_walks.ts";
import { compileConstraint } from "./compile_constraint.ts";
import type { ConstraintSpec } from "./constraint_spec.ts";

const BYTES = tinyTokenizer(["\n\n", '":']);

const LITERAL: ConstraintSpec = {
  kind: "sequence",
  of: [
    { kind: "literal", text: "<call>\n" },
    {
      kind: "repeat",
      of: { kind: "choice", of: [{ kind: "literal", text: "x" }, { kind: "json" }] },
      ...{ min: 1, max: 3, separator: "; " },
    },
    { kind: "literal", text: "</call>" },
  ],
};

Deno.test("specs: sequences, choices and repeats hold; control tokens in literals are one token", async () => {
  const tokenizer = tinyTokenizer(['":'], [], ["<call>", "</call>"]);
  const [open, close] = ["<call>", "</call>"].map((text) =>
    tokenizer.controlTokens.get(text) ?? -1
  );
  const compiled = await compileConstraint(LITERAL, tokenizer);
  const bytes = (text: string) => tokenizer.encode(text);
  const accepts = (...ids: number[]) => acceptsAll(compiled.start(), ids);
  assert(accepts(open, ...bytes("\nx"), close));
  assert(accepts(open, ...bytes('\n{"a": [1]}; x; {}'), close));
  assert(accepts(...bytes("\n\n"), open, ...bytes("\nx"), close));
  assert(!accepts(open, ...bytes("\nx; x; x; x"), close));
  assert(!accepts(open, ...bytes("\n"), close));
  assert(!accepts(...bytes("<call>\nx"), close));
  const constraint = compiled.start();
  assertEquals(constraint.closing(), [open, ...bytes("\nx"), close]);
  for (const id of constraint.closing()) constraint.accept(id);
  assert(constraint.isComplete && constraint.mayEnd);
  assertEquals(allowedIds(constraint, tokenizer), []);
  constraint.accept(0); // an end token
});

Deno.test("specs: endless and empty repeats", async () => {
  const tokenizer = BYTES;
  const repeat = async (text: string, min: number, max: number, separator: string) => {
    const of: ConstraintSpec = { kind: "literal", text };
    const compiled = await compileConstraint(
      { kind: "repeat", of, min, max, separator },
      tokenizer,
    );
    return (answer: string) => acceptsAll(compiled.start(), tokenizer.encode(answer));
  };
  const many = await repeat("ab", 0, Infinity, ",");
  assert(many("") && many("ab") && many("ab,ab,ab,ab,ab"));
  assert(!many("ab,") && !many("abab"));
  const two = await repeat("", 2, 2, "-");
  assert(two("-") && !two("") && !two("--"));
});

Deno.test("JSON: whitespace is bounded, any object nests as deep as there is room", async () => {
  const compiled = await compileConstraint({ kind: "json" }, BYTES);
  const accepts = (text: string) => acceptsAll(compiled.start(), BYTES.encode(text));
  assert(accepts(`{"a":`.repeat(3_000) + "null" + "}".repeat(3_000)));
  assert(accepts(`\n {"a": [1, {"b":\n\t\tnull}]\n}`));
  for (
    const text of ["[]", "1", '{"a":  1}', '{ \n"a":1}', "   {}", '{"a":1,}', '{"a" :1}', "{} "]
  ) {
    assert(!accepts(text), text);
  }
  for (const text of ['{"\\ud83d\\ud83d":1}', '{"\\udc00":1}', '{"\\ud83d":1}', '{"\\ud83dx":1}']) {
    assert(!accepts(text), text);
  }
  for (const text of ['{"\\ud800":1}', '{"\u0001":1}', '{"\\x":1}', '{"a":01}', '{"a":1e999}']) {
    assert(!accepts(text), text);
  }
  assert(accepts('{"\\ud83d\\ude00\\u0000\\/":-0.5e-7}'));
});
