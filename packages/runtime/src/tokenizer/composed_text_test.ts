/** Tests of composed_text.ts against the engine's own normal form. */
import { assert, assertEquals } from "@std/assert";
import { seededRandom } from "../../../../tests/support/seeded_random.ts";
import { composedText } from "./composed_text.ts";

/** Every mark of Unicode, in order. */
const MARKS = Array.from({ length: 0x110000 }, (_, code) => code)
  .filter((code) => code < 0xd800 || code > 0xdfff).map((code) => String.fromCodePoint(code))
  .filter((character) => /\p{M}/u.test(character));

Deno.test("composedText: every mark, in runs of any order, as the engine composes them", () => {
  const random = seededRandom(3);
  for (let round = 0; round < 300; round++) {
    const known = round % 3 === 0 ? MARKS : MARKS.slice(0, 120);
    const marks = Array.from({ length: 60 + random(200) }, () => known[random(known.length)]);
    const text = ["e", "é", "\u1100", "ক", ""][random(5)] + marks.join("") + "e\u0301";
    assertEquals(composedText(text), text.normalize("NFC"), JSON.stringify(text));
  }
  const all = MARKS.join("") + "e" + MARKS.toReversed().join("");
  assertEquals(composedText(all), all.normalize("NFC"));
});

Deno.test("composedText: half a million marks on one letter end", () => {
  const half = 250_000;
  const composed = "ạ" + "\u0323".repeat(half - 1) + "\u0301".repeat(half);
  assert(composedText("a" + "\u0301\u0323".repeat(half)) === composed);
});
