/** Tests of pattern.ts and character_automaton.ts: random patterns and texts against the language's own matcher. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { seededRandom } from "../../../../../tests/support/seeded_random.ts";
import { acceptsText, allBut, automatonOf, withLength } from "./character_automaton.ts";
import { parsePattern, PatternError } from "./pattern.ts";

const PATTERNS: readonly string[] = [
  ...[
    "",
    "a",
    "^a$",
    "^$",
    "^",
    "$",
    "a|b",
    "^(a|b)+$",
    "^a*?b+?$",
    "(?:ab){2,3}",
    "^(a$|b)",
    "a^b",
  ],
  ...[
    "^[^a-c]$",
    "^[\\w-]+$",
    "^\\d{3}-\\d$",
    "^.$",
    "\\s",
    "^\\S+$",
    "[]",
    "[^]",
    "^[\\]\\-\\^]$",
  ],
  ...["^\\u{1F600}$", "^\\ud83d\\ude00$", "^\\x61\\u0062\\cA$", "^(?<name>a)b$", "^é+$", "^[é-ü]$"],
  ...[
    "(^a|b$)c?",
    "^(?:^b)?$^",
    "(?:^|b)$",
    "^a{0}$",
    "^a{2,}$",
    "^[a-]$",
    "^[\\b\\t]$",
    "\\.\\/\\$",
    "^😀?$",
  ],
];
const CHARACTERS = [..."aabbc-1 é😀._/$\n\t\b]^"];

Deno.test("patterns: the same texts as RegExp with the flag u", () => {
  const random = seededRandom(2);
  const texts = Array.from(
    { length: 4_000 },
    () => Array.from({ length: random(6) }, () => CHARACTERS[random(CHARACTERS.length)]).join(""),
  );
  for (const pattern of PATTERNS) {
    const automaton = automatonOf(parsePattern(pattern));
    const expression = new RegExp(pattern, "u");
    for (const text of texts) {
      assertEquals(acceptsText(automaton, text), expression.test(text), `${pattern} ${text}`);
    }
  }
});

Deno.test("patterns: random ones too", () => {
  const random = seededRandom(9);
  const part = (depth: number): string => {
    const kind = depth === 0 ? 0 : random(6);
    if (kind === 0) return ["a", "b", "[ab]", "[^a]", ".", "\\w"][random(6)];
    if (kind === 1) return `(?:${part(depth - 1)}|${part(depth - 1)})`;
    if (kind === 2) {
      return `(${part(depth - 1)})${["*", "+", "?", "{2}", "{1,2}", "{0,}"][random(6)]}`;
    }
    if (kind === 3) return ["^", "$", ""][random(3)] + part(depth - 1);
    return part(depth - 1) + part(depth - 1);
  };
  for (let round = 0; round < 400; round++) {
    const pattern = part(4);
    const automaton = automatonOf(parsePattern(pattern));
    const expression = new RegExp(pattern, "u");
    for (let i = 0; i < 60; i++) {
      const text = Array.from({ length: random(6) }, () => "abc"[random(3)]).join("");
      assertEquals(acceptsText(automaton, text), expression.test(text), `${pattern} ${text}`);
    }
  }
});

Deno.test("patterns: what needs more than an automaton, or a large one, is refused", () => {
  for (
    const pattern of [
      "(?=a)",
      "(?!a)",
      "(?<=a)",
      "(?<!a)",
      "\\bword",
      "(a)\\1",
      "\\p{L}",
      "[",
      "a{2,1}",
    ]
  ) {
    assertThrows(() => parsePattern(pattern), PatternError);
  }
  for (const pattern of ["a{100000}", "(a|b)*a(a|b){30}", "(?:){1000000000}"]) {
    assertThrows(() => automatonOf(parsePattern(pattern)), PatternError);
  }
});

Deno.test("withLength: characters are counted, not UTF-16 units", () => {
  const bounded = withLength(automatonOf(parsePattern("^[a😀]*$")), 2, 3);
  for (
    const [text, expected] of [["a", false], ["a😀", true], ["😀😀😀", true], [
      "aaaa",
      false,
    ]] as const
  ) {
    assertEquals(acceptsText(bounded, text), expected, text);
  }
  const open = withLength(automatonOf(parsePattern("^a*$")), 2, Infinity);
  assert(acceptsText(open, "aaaaaa") && !acceptsText(open, "a"));
});

Deno.test("allBut: every text but those", () => {
  const others = allBut(["ab", "abc", "", "😀"]);
  for (const text of ["ab", "abc", "", "😀"]) assert(!acceptsText(others, text), text);
  for (const text of ["a", "abd", "abcd", "😀😀", "b", "é"]) {
    assert(acceptsText(others, text), text);
  }
});
