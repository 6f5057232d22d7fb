/** Tests of stop_matcher.ts. */
import { assertEquals, assertThrows } from "@std/assert";
import { seededRandom } from "../../../../tests/support/seeded_random.ts";
import { StopMatcher } from "./stop_matcher.ts";

function read(
  stops: readonly string[],
  parts: readonly string[],
): { text: string; stopped: boolean } {
  const matcher = new StopMatcher(stops);
  const text = parts.map((part) => matcher.push(part)).join("");
  return { text: text + matcher.end(), stopped: matcher.stopped };
}

Deno.test("StopMatcher: text ends before the stop string that is complete first", () => {
  const cases: [stops: string[], text: string, until: string, stopped: boolean][] = [
    [["\n\n"], "a\nb\n\nc", "a\nb", true],
    [["END", "N"], "aEND", "aE", true],
    [["ab", "abab"], "xabab", "x", true],
    [["bc", "abc"], "xabc", "x", true],
    [["stop"], "sto", "sto", false],
    [["aab"], "aaab", "a", true],
    [[], "any", "any", false],
  ];
  for (const [stops, text, until, stopped] of cases) {
    assertEquals(read(stops, [text]), { text: until, stopped }, text);
    assertEquals(read(stops, [...text]), { text: until, stopped }, text);
  }
});

Deno.test("StopMatcher: any cuts give the same text", () => {
  const random = seededRandom(8);
  for (let round = 0; round < 2000; round++) {
    const word = (most: number) =>
      Array.from({ length: 1 + random(most) }, () => "abc"[random(3)]).join("");
    const stops = Array.from({ length: random(4) }, () => word(4));
    const text = word(20);
    const cut = random(text.length);
    assertEquals(read(stops, [...text]), read(stops, [text]), `${stops} in ${text}`);
    assertEquals(read(stops, [text.slice(0, cut), text.slice(cut)]), read(stops, [text]));
  }
});

Deno.test("StopMatcher: only what may begin a stop string waits", () => {
  const matcher = new StopMatcher(["###"]);
  assertEquals(["a#", "b", "##", "x"].map((part) => matcher.push(part)), ["a", "#b", "", "##x"]);
});

Deno.test("StopMatcher: an empty stop string is refused", () => {
  assertThrows(() => new StopMatcher(["a", ""]), RangeError, "empty");
});

Deno.test("StopMatcher: as many stop strings as anybody sends", () => {
  const stops = Array.from({ length: 300_000 }, (_, i) => `stop${i}`);
  assertEquals(read(stops, ["one stop", "7 two"]), { text: "one ", stopped: true });
});
