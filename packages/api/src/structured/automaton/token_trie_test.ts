/** Tests of token_trie.ts: tokens in their places, tokens of equal bytes, bytes as few tokens. */
import { assert, assertEquals } from "@std/assert";
import { tinyTokenizer } from "../../../../../tests/support/constraint_walks.ts";
import { fixturePath } from "../../../../../tests/support/fixture.ts";
import { tokenizerOfFile } from "../../../../../tests/support/token_tables.ts";
import { buildTokenTrie, tokensOfBytes, type TokenTrie } from "./token_trie.ts";

/** The bytes up to each node, and the tokens there. */
function contents(trie: TokenTrie): Map<string, number[]> {
  const found = new Map<string, number[]>();
  const path: number[] = [];
  for (let node = 1; node < trie.byte.length; node++) {
    path.length = trie.depth[node] - 1;
    path.push(trie.byte[node]);
    const ids: number[] = [];
    for (let id = trie.token[node]; id >= 0; id = trie.sameBytes[id]) ids.push(id);
    if (ids.length > 0) found.set(path.join(), ids.sort((a, b) => a - b));
    assert(trie.end[node] > node && trie.end[node] <= trie.byte.length);
  }
  return found;
}

Deno.test("trie: every plain token is at its bytes, control and end tokens are nowhere", async () => {
  const tokenizer = await tokenizerOfFile(fixturePath("models/qwen3/gguf/model-Q8_0.gguf"));
  const control = new Set([...tokenizer.controlTokens.values(), ...tokenizer.endIds]);
  const expected = new Map<string, number[]>();
  for (let id = 0; id < tokenizer.vocabularySize; id++) {
    const key = tokenizer.bytesOf(id).join();
    if (!control.has(id)) expected.set(key, [...expected.get(key) ?? [], id]);
  }
  const found = contents(await buildTokenTrie(tokenizer));
  assertEquals(new Map([...found].sort()), new Map([...expected].sort()));
});

Deno.test("trie: tokens of the same bytes share a node", async () => {
  const tokenizer = tinyTokenizer(["ab", "ab", "a"]);
  const found = contents(await buildTokenTrie(tokenizer));
  assertEquals(found.get("97,98"), [257, 258]);
  assertEquals(found.get("97"), [1 + 97, 259]);
});

Deno.test("tokensOfBytes: the longest token each time", async () => {
  const trie = await buildTokenTrie(tinyTokenizer(["ab", "abcd", "cde"]));
  assertEquals(tokensOfBytes(trie, [...new TextEncoder().encode("abcde")]), [258, 1 + 0x65]);
  assertEquals(tokensOfBytes(trie, [...new TextEncoder().encode("abcabx")]), [
    257,
    1 + 0x63,
    257,
    1 + 0x78,
  ]);
  assertEquals(tokensOfBytes(trie, []), []);
});
