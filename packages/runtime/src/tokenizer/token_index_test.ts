/** Tests of token_index.ts. */
import { assertEquals } from "@std/assert";
import { TokenIndex } from "./token_index.ts";
import { stringList } from "./vocabulary.ts";

Deno.test("TokenIndex: finds each text, also the empty one and among thousands", () => {
  const texts = ["", "a", "ab", "Ġthe", "｜", ...Array.from({ length: 5000 }, (_, i) => `t${i}`)];
  const index = new TokenIndex(stringList(texts));
  texts.forEach((text, id) => assertEquals(index.findText(text), id));
  for (const text of ["b", "abc", "t5000", "Ġ"]) assertEquals(index.findText(text), -1);
});

Deno.test("TokenIndex: finds a part of a buffer, and the later of two equal texts", () => {
  const index = new TokenIndex(stringList(["ab", "b", "ab"]));
  const bytes = new TextEncoder().encode("xabb");
  assertEquals([index.find(bytes, 1, 3), index.find(bytes, 3, 4), index.find(bytes)], [2, 1, -1]);
});

Deno.test("TokenIndex: uses a list's own bytes", () => {
  const list = { length: 1, at: () => "not this", bytes: () => new Uint8Array([104, 105]) };
  assertEquals(new TokenIndex(list).findText("hi"), 0);
});

Deno.test("TokenIndex: a text that only begins like a token is not found", () => {
  const texts = Array.from({ length: 8 }, (_, i) => "x".repeat(i + 1));
  const index = new TokenIndex(stringList(texts));
  texts.forEach((text, id) => assertEquals(index.findText(text), id));
  for (let length = 9; length < 30; length++) assertEquals(index.findText("x".repeat(length)), -1);
});
