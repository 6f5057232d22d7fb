/** Tests of json_scan.ts: it agrees with JSON.parse, and finds what JSON.parse hides. */
import { assertEquals } from "@std/assert";
import { seededRandom } from "../../../../../tests/support/seeded_random.ts";
import { findJsonProblem } from "./json_scan.ts";

Deno.test("findJsonProblem: sound texts have none", () => {
  const deep = "[".repeat(64) + "]".repeat(64);
  for (const text of ["{}", " [ ] ", '{"a":[1,{"b":null}],"c":"\\u00e9\\""}', "-0.5e+3", deep]) {
    assertEquals(findJsonProblem(text), undefined, text);
  }
});

Deno.test("findJsonProblem: the place and the kind of a mistake", () => {
  const cases: [string, number, string][] = [
    ["", 0, "the text ends too early"],
    ['{"a": 1', 7, "the text ends too early"],
    ['{"a" 1}', 5, "a colon is wanted"],
    ["{a: 1}", 1, "a name in quotes is wanted"],
    ['{"a": 1,}', 8, "a name in quotes is wanted"],
    ["[1 2]", 3, "a comma is wanted"],
    ["[1, x]", 4, "a value is wanted"],
    ['["a\nb"]', 3, "a broken string"],
    ['["\\x"]', 2, "a broken string"],
    ["{} {}", 3, "text after the end"],
    ['{"a":1,"b":{"a":1},"\\u0061":2}', 19, '"\\u0061" is given twice'],
    ["[".repeat(66) + "]".repeat(66), 65, "more than 64 levels"],
  ];
  for (const [text, offset, what] of cases) {
    assertEquals(findJsonProblem(text), { offset, what }, text);
  }
});

Deno.test("findJsonProblem: refuses what JSON.parse refuses, over random changes of a text", () => {
  const random = seededRandom(7);
  const original = '{"a":[1,-2.5e3,true,{"b":"x\\n\\u00e9","c":[]}],"d":null,"e":{"f":false}}';
  const signs = ['"', "\\", "{", "}", "[", "]", ",", ":", "1", "-", ".", "e", " ", "t", "\n", "u"];
  let sound = 0;
  for (let round = 0; round < 20_000; round++) {
    const at = random(original.length);
    const sign = signs[random(signs.length)];
    const text = original.slice(0, at) + sign + original.slice(at + random(3));
    const problem = findJsonProblem(text);
    if (problem?.what.endsWith("twice")) continue;
    assertEquals(problem === undefined, parses(text), text);
    if (problem === undefined) sound++;
  }
  assertEquals(sound > 1000, true);
});

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
