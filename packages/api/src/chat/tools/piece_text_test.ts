/** Tests of piece_text.ts: readers wait where the text ends so far. Whole calls: see tool_call_stream_test.ts. */
import { assertEquals } from "@std/assert";
import {
  type PieceText,
  type Reader,
  skipSpace,
  take,
  takeObject,
  takeString,
  takeWhile,
} from "./piece_text.ts";

/** What the reader gives, fed one character at a time, and what it leaves. */
function read<T>(text: string, reader: (source: PieceText) => Reader<T>): [T, string] {
  const source: PieceText = { text: "", at: 0, isEnded: false };
  const running = reader(source);
  let step = running.next();
  for (const character of text) {
    source.text += character;
    if (!step.done) step = running.next();
  }
  source.isEnded = true;
  if (!step.done) step = running.next();
  assertEquals(step.done, true);
  return [step.value as T, text.slice(source.at)];
}

Deno.test("piece_text: readers take what is theirs and leave the rest", () => {
  assertEquals(read("abc", (s) => take(s, "ab")), [true, "c"]);
  assertEquals(read("abc", (s) => take(s, "abd")), [false, "abc"]);
  assertEquals(read("ab", (s) => take(s, "abc")), [false, "ab"]);
  assertEquals(read(" \n x", skipSpace), [undefined, "x"]);
  assertEquals(read("ab-1", (s) => takeWhile(s, /[a-z]/)), ["ab", "-1"]);
  assertEquals(read('"a\\"b\\\\" c', takeString), ['a"b\\', " c"]);
  assertEquals(read('{"a": "}"} c', takeObject), ['{"a": "}"}', " c"]);
});

Deno.test("piece_text: what is no JSON is not given", () => {
  assertEquals(read("x", takeString)[0], undefined);
  assertEquals(read('"a', takeString)[0], undefined);
  assertEquals(read('"a\nb"', takeString)[0], undefined);
  assertEquals(read("[1]", takeObject)[0], undefined);
  assertEquals(read("{1}", takeObject)[0], undefined);
  assertEquals(read('{"a": [}]', takeObject)[0], undefined);
  assertEquals(read('{"a": "\\', takeObject)[0], undefined);
});
