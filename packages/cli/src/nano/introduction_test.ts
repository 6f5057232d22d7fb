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
