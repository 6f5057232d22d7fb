/** Tests of text_pattern.ts. */
import { assertEquals } from "@std/assert";
import { textPattern } from "./text_pattern.ts";

Deno.test("textPattern: the longest text wins, and signs of patterns mean themselves", () => {
  const pattern = textPattern(["<a", "<a>", "", "(.*)[$^]{+?}\\|/-", "😀"]) as RegExp;
  const found = [..."x<a><a(.*)[$^]{+?}\\|/-(abc)😀".matchAll(pattern)].map((match) => match[0]);
  assertEquals(found, ["<a>", "<a", "(.*)[$^]{+?}\\|/-", "😀"]);
});

Deno.test("textPattern: no texts, no pattern", () => {
  assertEquals(textPattern([]), undefined);
  assertEquals(textPattern([""]), undefined);
});
