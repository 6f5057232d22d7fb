/** Tests of json_text.ts: comments, places of mistakes, keys given twice, keys that objects have anyway. */
import { assertEquals, assertThrows } from "@std/assert";
import { readJsonText } from "./json_text.ts";

Deno.test("readJsonText: JSON with comments and trailing commas", () => {
  const text = `\ufeff{ // one\n /* two */ "a": [1, {"b": null},], "c": "//",\n}`;
  assertEquals(readJsonText(text, "f"), { a: [1, { b: null }], c: "//" });
  assertEquals(readJsonText("3", "f"), 3);
});

Deno.test("readJsonText: mistakes by line and column", () => {
  const refuse = (text: string, message: string) =>
    assertThrows(() => readJsonText(text, "f.json"), SyntaxError, message);
  refuse(`{\n  "a": [1 2]\n}`, "f.json:2:");
  refuse(`{"a": {"b": 1,\n"b": 2}}`, 'f.json:2:1: "b" is given twice');
  refuse(`{"a": 1} {}`, "f.json:1:10: end of file expected");
  refuse("// nothing", "f.json");
  refuse(" \n", "f.json is empty");
  refuse(`{"a": 'x'}`, "f.json:1:");
});

Deno.test("readJsonText: keys that objects have anyway are keys", () => {
  const value = readJsonText(`{"__proto__": {"x": 1}, "constructor": 2}`, "f") as object;
  assertEquals(Object.keys(value), ["__proto__", "constructor"]);
  assertEquals(({} as { x?: number }).x, undefined);
});
