/** Tests of what is said of the models that come with Aha. Loads none. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { stripVTControlCharacters } from "node:util";
import { capturedIo } from "../../../../tests/support/captured_io.ts";
import { introduction, refusal, remark } from "./introduction.ts";

const atTerminal = { ...capturedIo().io, errorIsTerminal: true };

Deno.test("introduction: two lines at a terminal, with problems to copy and the way to a distill; else none", async () => {
  const text = introduction("nano", atTerminal);
  assertEquals(text.trimEnd().split("\n").length, 2);
  assertStringIncludes(text, "parameters");
  assertStringIncludes(text, "aha pull hf:");
  const [, prompts] = stripVTControlCharacters(text).trimEnd().split("Ask it: ");
  const copied = prompts.split(" | ");
  assert(copied.length >= 5);
  for (const prompt of copied) assertEquals(await remark("nano", prompt), "", prompt);
  assertEquals(introduction("smollm2-135m", atTerminal), "");
  assertEquals(introduction("nano", capturedIo().io), "");
});

Deno.test("remark: on what is no problem of the tasks, though of its words", async () => {
  for (const prompt of ["<s> <en> SORT 1 ?", "<s> <en> EVAL 1 2 + 3 ?", "<s> <en> CD 1 2 ?"]) {
    const said = await remark("nano", prompt);
    assertStringIncludes(said, "no problem of this form");
    assertEquals(said.indexOf("\n"), said.length - 1);
  }
  const told: [string, string][] = [
    ["<s> <en> SORT 1 ?", "(it is no problem of these tasks)"],
    ["<s> <en> CHAIN a 9 b 4 c 8 ?", "(a to j are digits, and come with no others"],
    ["<s> <en> CHAIN 9 4 5 0 6 2 ?", "(digits of CHAIN have labels before them"],
    [
      "<s> <en> CHAIN A 1 B 1 C 1 D 1 E 1 F 1 G 1 H 1 I 1 J 1 K 1 ?",
      "(CHAIN goes up to 10 digits)",
    ],
    ["<s> <xx> EVAL ( b + ( b + ( b + ( b + ( b + b ) ) ) ) ) ?", "(EVAL goes up to 4 operators)"],
  ];
  for (const [prompt, why] of told) assertStringIncludes(await remark("nano", prompt), why);
  for (const prompt of ["<s> <xx> CHAIN A j B e C i ?", "<s> <en> SORT j e i ?"]) {
    assertEquals(await remark("nano", prompt), "", prompt);
  }
  assertEquals(await remark("smollm2-135m", "Hello"), "");
});

Deno.test("refusal: a word that may be a misspelt model is told the known ones, a question a model of words", () => {
  const error = new Error('The chat template failed: "x" is no word');
  assertEquals(
    refusal("nano", error, "smollm2"),
    'nano: "x" is no word (no model is called so either, known are nano, nano-student, smollm2-135m)',
  );
  const question = 'nano: "x" is no word (for questions in words: aha run smollm2-135m PROMPT)';
  assertEquals(refusal("nano", error, "Why is it?"), question);
  assertEquals(refusal("nano", error), question);
});
