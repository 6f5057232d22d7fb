/** Tests of merges.ts. */
import { assertEquals, assertThrows } from "@std/assert";
import { seededRandom } from "../../../../tests/support/seeded_random.ts";
import { ModelError } from "../errors.ts";
import { listedRules, MergeTable } from "./merges.ts";
import { TokenIndex } from "./token_index.ts";
import { stringList } from "./vocabulary.ts";

/** A vocabulary of the letters and all that the rules make. */
class Grammar {
  readonly texts: readonly string[];
  readonly index: TokenIndex;
  readonly table: MergeTable;

  constructor(readonly rules: readonly string[], letters = "abc") {
    this.texts = [...new Set([...letters, ...rules.map((rule) => rule.replace(" ", ""))])];
    this.index = new TokenIndex(stringList(this.texts));
    this.table = new MergeTable(listedRules(stringList(rules), this.index), rules.length);
  }

  merged(word: string): string[] {
    const ids = Int32Array.from(word, (letter) => this.index.findText(letter));
    const length = this.table.merge(ids, ids.length);
    return Array.from(ids.subarray(0, length), (id) => this.texts[id]);
  }

  /** The definition: merge the leftmost pair of the lowest rank until none is left. */
  mergedByDefinition(word: string): string[] {
    const parts = [...word];
    for (;;) {
      let best = this.rules.length;
      let at = -1;
      for (let i = 0; i + 1 < parts.length; i++) {
        const rank = this.rules.indexOf(`${parts[i]} ${parts[i + 1]}`);
        if (rank >= 0 && rank < best) [best, at] = [rank, i];
      }
      if (at < 0) return parts;
      parts.splice(at, 2, parts[at] + parts[at + 1]);
    }
  }
}

const small = new Grammar(["b c", "a b", "a a", "ab c", "aa aa", "c ab", "a bc"]);

Deno.test("MergeTable.merge: the lowest rank first, and the leftmost among equals", () => {
  assertEquals(small.merged("abc"), ["abc"]); // by b c, then a bc: ab is never made
  assertEquals(small.merged("aaa"), ["aa", "a"]);
  assertEquals(small.merged("cab"), ["cab"]);
  assertEquals(small.merged(""), []);
  assertEquals(small.merged("a"), ["a"]);
});

Deno.test("MergeTable.merge: short and long words follow the definition, by any rules", () => {
  const random = seededRandom(2);
  for (let round = 0; round < 200; round++) {
    const texts = ["a", "b", "c"];
    const rules = Array.from({ length: 1 + random(25) }, () => {
      const [left, right] = [texts[random(texts.length)], texts[random(texts.length)]];
      texts.push(left + right);
      return `${left} ${right}`;
    });
    const grammar = new Grammar([...new Set(rules)]);
    for (const length of [random(20), 60 + random(80)]) {
      const word = Array.from({ length }, () => "abc"[random(3)]).join("");
      assertEquals(grammar.merged(word), grammar.mergedByDefinition(word), word);
    }
  }
});

Deno.test("MergeTable.merge: a word of 400,000 symbols ends", () => {
  const parts = small.merged("a".repeat(400_000));
  assertEquals([parts.length, new Set(parts).size, parts[0]], [100_000, 1, "aaaa"]);
});

Deno.test("MergeTable.merge: symbols without an id are never merged", () => {
  const id = (text: string): number => small.index.findText(text);
  const ids = new Int32Array([id("a"), -1, id("b"), id("c")]);
  const length = small.table.merge(ids, ids.length);
  assertEquals([...ids.subarray(0, length)], [id("a"), -1, id("bc")]);
});

Deno.test("MergeTable: a rule outside the vocabulary is refused with its number", () => {
  for (const rule of ["a d", "d a", "a c", "ab", "", " a", "a "]) {
    const rules = stringList(["a b", rule]);
    assertThrows(() => [...listedRules(rules, small.index)], ModelError, "Merge rule 1 ");
  }
});
