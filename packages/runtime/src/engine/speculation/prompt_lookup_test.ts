/** Tests of prompt lookup: what it finds is what a search of the whole text finds, at a bounded cost a token. */
import { assert, assertEquals } from "@std/assert";
import { seededRandom } from "../../../../../tests/support/seeded_random.ts";
import { PromptLookup } from "./prompt_lookup.ts";

/** Of the newest 16 places after the last two tokens, the one that most of the text leads to; then what follows it. */
function searched(history: readonly number[], most: number): number[] {
  const end = history.length;
  const places: { place: number; length: number }[] = [];
  for (let place = end - 1; place >= 2 && places.length < 16; place--) {
    let length = 0;
    while (
      length < 32 && length < place && history[place - 1 - length] === history[end - 1 - length]
    ) {
      length++;
    }
    if (length >= 2) places.push({ place, length });
  }
  const longest = Math.max(...places.map(({ length }) => length));
  const best = places.find(({ length }) => length === longest);
  if (!best) return [];
  const found: number[] = [];
  for (let i = 0; i < most; i++) {
    const at = best.place + i;
    found.push(at < end ? history[at] : found[at - end]);
  }
  return found;
}

Deno.test("PromptLookup: finds what a search of the whole text finds, however the text grows", () => {
  for (const letters of [2, 4, 30]) {
    const random = seededRandom(letters);
    const lookup = new PromptLookup();
    const history: number[] = [];
    let hits = 0;
    for (let step = 0; step < 400; step++) {
      for (let i = random(4); i > 0; i--) history.push(150_000 + random(letters));
      const expected = searched(history, 5);
      assertEquals(lookup.following(history, 5), expected, `${letters} letters, step ${step}`);
      if (expected.length > 0) hits++;
    }
    assert(hits > 100, `${hits}`);
  }
});

Deno.test("PromptLookup: a longer match wins over a newer one, a cycle goes on, new words give nothing", () => {
  const found = (text: string, most = 3) => {
    const ids = new PromptLookup().following(Array.from(text, (c) => c.charCodeAt(0)), most);
    return String.fromCharCode(...ids);
  };
  assertEquals(found("xthe cat. e tail. xthe "), "cat");
  assertEquals(found("one e two e "), "two");
  assertEquals(found("ababab", 7), "abababa");
  assertEquals(found("aaa", 4), "aaaa");
  assertEquals([found("abcdef"), found("ab"), found("a"), found("")], ["", "", "", ""]);
  assertEquals(found("abcab", 0), "");
});

Deno.test("PromptLookup: a token costs a bounded number of looks, also in the most repetitive text", () => {
  for (const letters of [1, 2]) {
    const random = seededRandom(5);
    let looks = 0;
    const history = new Proxy<number[]>([], {
      get: (target, key) => {
        if (typeof key === "string" && /^\d+$/.test(key)) looks++;
        return Reflect.get(target, key);
      },
    });
    const lookup = new PromptLookup();
    for (let i = 0; i < 2000; i++) history.push(random(letters));
    lookup.following(history, 7);
    assert(looks < 2000 * 2 + 2000, `${looks} looks at a prompt of 2000 tokens`);
    looks = 0;
    for (let i = 0; i < 300; i++) {
      history.push(random(letters));
      lookup.following(history, 7);
    }
    assert(looks < 300 * (16 * 66 + 20), `${looks} looks for 300 tokens`);
  }
});
