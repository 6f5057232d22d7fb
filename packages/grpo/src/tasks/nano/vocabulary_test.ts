/** The words against the study's list, and text to ids and back. */
import { assertEquals, assertThrows } from "@std/assert";
import { CounterRandom } from "../counter_random.ts";
import { decodeWords, encodeWords, readWords, TOKEN, VOCABULARY } from "./vocabulary.ts";

Deno.test("vocabulary: ids are the study's (section 1)", () => {
  assertEquals(VOCABULARY.length, 64);
  assertEquals(new Set(VOCABULARY).size, 64);
  assertEquals(VOCABULARY.slice(9, 16).join(" "), "CHAIN MUL EVAL CD REV COPY SORT");
  assertEquals(VOCABULARY.slice(16, 36).join(""), "0123456789abcdefghij");
  assertEquals(VOCABULARY.slice(36, 47).join(" "), "+ - * = ( ) ; : x y ?");
  assertEquals(VOCABULARY.slice(47, 59).join(""), "ABCDEFGHIJKL");
  assertEquals([TOKEN.pad, TOKEN.begin, TOKEN.end, TOKEN.answerEnd, TOKEN.xx], [0, 1, 2, 6, 8]);
});

Deno.test("vocabulary: any ids survive their text", () => {
  const random = new CounterRandom(1, 0, 0);
  for (let i = 0; i < 2000; i++) {
    const ids = Array.from({ length: random.below(40) }, () => random.below(64));
    assertEquals(encodeWords(decodeWords(ids)), ids);
  }
});

Deno.test("vocabulary: spaces may be missing where the words are clear", () => {
  const text = "<think>A9B d</think><answer>b</answer>";
  assertEquals(decodeWords(encodeWords(text)), "<think> A 9 B d </think> <answer> b </answer>");
  assertEquals(encodeWords("CD"), [12]);
  assertEquals(encodeWords("C D"), [TOKEN.firstLabel + 2, TOKEN.firstLabel + 3]);
});

Deno.test("vocabulary: what is no word is told with its place, or read as unknown", () => {
  assertThrows(() => encodeWords("CHAIN A z"), SyntaxError, '"z" at character 8');
  assertThrows(() => encodeWords("<thought> 1"), SyntaxError, '"<thought>" at character 0');
  assertEquals(readWords("1 € 2"), [17, -1, 18]);
  assertThrows(() => decodeWords([64]), RangeError, "id 64 has no word");
});
