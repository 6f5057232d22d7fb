/** Tests of tokenizer.ts: the reference table of a small vocabulary, and what a table cannot show. */
import { assertEquals, assertThrows } from "@std/assert";
import { fixtureJson, fixturePath } from "../../../../tests/support/fixture.ts";
import { seededRandom } from "../../../../tests/support/seeded_random.ts";
import { tokenizerOfFile, type TokenTable } from "../../../../tests/support/token_tables.ts";
import { wellFormedText } from "../../../../tests/support/well_formed_text.ts";
import { ModelError, UnsupportedError } from "../errors.ts";
import { createTokenizer } from "./tokenizer.ts";
import { stringList, type VocabularySource } from "./vocabulary.ts";

const SMALL_MODEL = fixturePath("models/llama_untied/gguf/model-F16.gguf");

function source(change: Partial<VocabularySource> = {}): VocabularySource {
  return {
    model: "gpt2",
    pre: "llama-bpe",
    tokens: stringList(["a", "b", "c", "ab", "abc", "Ġ", "<end>", "<note>", "<é>", "ca"]),
    merges: stringList(["a b", "c a"]),
    types: new Int32Array([1, 1, 1, 1, 1, 1, 3, 4, 3, 1]),
    eosId: 6,
    ...change,
  };
}

/** Each small vocabulary with a model file that holds it. */
const TABLES: readonly [table: string, file: string][] = [
  ["bpe_llama", SMALL_MODEL],
  ["bpe_qwen", fixturePath("models/qwen2/gguf/model-Q8_0.gguf")],
  ["bpe_qwen", fixturePath("models/qwen3/gguf/model-Q8_0.gguf")],
  ["bpe_deepseek", fixturePath("models/deepseek_v3/gguf/model-Q8_0.gguf")],
];

for (const [name, file] of TABLES) {
  const from = file.split("/").at(-3);
  Deno.test(`encode: the ids of the ${name} table by ${from}`, async () => {
    const tokenizer = await tokenizerOfFile(file);
    for (const { text, ids } of fixtureJson<TokenTable>(`tokens/${name}.json`).cases) {
      assertEquals(tokenizer.encode(text, { special: true }), ids, JSON.stringify(text));
    }
  });

  Deno.test(`decode: the texts of the ${name} table by ${from}, with and without control tokens`, async () => {
    const tokenizer = await tokenizerOfFile(file);
    const table = fixtureJson<TokenTable>(`tokens/${name}.json`);
    for (const { text, ids, decoded } of table.cases) {
      assertEquals(tokenizer.decode(ids), decoded ?? text);
    }
    for (const { ids, text, text_skip_special } of table.decode) {
      assertEquals(tokenizer.decode(ids), text);
      assertEquals(tokenizer.decode(ids, { special: false }), text_skip_special);
    }
  });
}

for (const [name, file] of TABLES) {
  Deno.test(`decode: undoes encode after ${name}'s normal form, by ${file.split("/").at(-3)}`, async () => {
    const tokenizer = await tokenizerOfFile(file);
    const random = seededRandom(13);
    for (let round = 0; round < 500; round++) {
      const text = wellFormedText(random, 50);
      const normal = name === "bpe_qwen" ? text.normalize("NFC") : text;
      for (const special of [false, true]) {
        assertEquals(tokenizer.decode(tokenizer.encode(text, { special })), normal, text);
      }
    }
  });
}

Deno.test("encode: control tokens in the text stay text unless asked for", async () => {
  const tokenizer = await tokenizerOfFile(SMALL_MODEL);
  for (const [text, id] of tokenizer.controlTokens) {
    const line = `a ${text}b`;
    const plain = tokenizer.encode(line);
    assertEquals(plain.includes(id), false);
    assertEquals(tokenizer.decode(plain), line);
    assertEquals(tokenizer.encode(line, { special: true }).includes(id), true);
  }
});

Deno.test("encode: tokens that the user may write are always parsed", () => {
  const tokenizer = createTokenizer(source({
    tokens: stringList(["a", "b", "c", "ab", "abc", "Ġ", "<end>", "  ", "<think>", "ca"]),
    types: new Int32Array([1, 1, 1, 1, 1, 1, 3, 4, 4, 1]),
  }));
  assertEquals(tokenizer.encode("a  b"), [0, 7, 1]);
  assertEquals(tokenizer.encode("a<end>  ", { special: true }), [0, 6, 7]);
  assertEquals([...tokenizer.markerTokens], [["<think>", 8]]);
  assertEquals([...tokenizer.controlTokens.keys()], ["<end>", "<think>"]);
  assertEquals(tokenizer.encode("a<think>"), [0]); // no other token of this vocabulary spells it
  assertEquals(tokenizer.encode("a<think>", { special: true }), [0, 8]);
  assertEquals(tokenizer.decode([6, 8, 0], { special: false }), "<think>a");
});

Deno.test("encode: a whole word that is a token needs no merges with llama-bpe, but with smollm", () => {
  assertEquals(createTokenizer(source()).encode("abc"), [4]);
  assertEquals(createTokenizer(source({ pre: "smollm" })).encode("abc"), [3, 2]);
});

Deno.test("encode: a control token is no word", () => {
  const tokens = stringList(["a", "b", "ab"]);
  const types = new Int32Array([1, 1, 3]);
  const tokenizer = createTokenizer(source({ tokens, types, merges: stringList([]), eosId: 2 }));
  assertEquals(tokenizer.encode("ab"), [0, 1]);
});

Deno.test("encode: bytes that the vocabulary lacks are left out", () => {
  assertEquals(createTokenizer(source()).encode("azb é"), [0, 1, 5]);
});

Deno.test("encode: more words than the cache holds change nothing", async () => {
  const tokenizer = await tokenizerOfFile(SMALL_MODEL);
  const text = Array.from({ length: 70_000 }, (_, i) => `w${i.toString(36)}`).join(" ");
  const ids = tokenizer.encode(text);
  assertEquals(tokenizer.encode(text), ids);
  assertEquals(tokenizer.decode(ids), text);
});

Deno.test("bytesOf: the bytes of a token; control tokens as they are written", () => {
  const tokenizer = createTokenizer(source());
  assertEquals([...tokenizer.bytesOf(5)], [0x20]);
  assertEquals([...tokenizer.bytesOf(8)], [...new TextEncoder().encode("<é>")]);
  assertEquals(tokenizer.tokenText(5), "Ġ");
  assertEquals(tokenizer.decode([0, 6, 1], { special: false }), "ab");
});

Deno.test("bytesOf, tokenText, decode: an id outside the vocabulary is a RangeError", () => {
  const tokenizer = createTokenizer(source());
  for (const id of [-1, 10, 1.5, NaN]) {
    assertThrows(() => tokenizer.bytesOf(id), RangeError, "outside the vocabulary of 10");
    assertThrows(() => tokenizer.tokenText(id), RangeError, `Token id ${id}`);
    assertThrows(() => tokenizer.decode([id]), RangeError);
    assertThrows(() => tokenizer.decode([id], { special: false }), RangeError);
  }
});

Deno.test("endIds: EOS, EOT and known control tokens, but no normal token of such a text", () => {
  assertEquals([...createTokenizer(source({ eotId: 7 })).endIds], [6, 7]);
  const tokens = stringList(["<|im_end|>", "<|eot_id|>"]);
  const types = new Int32Array([3, 1]);
  const merges = stringList([]);
  const tokenizer = createTokenizer(source({ tokens, types, merges, eosId: undefined }));
  assertEquals([...tokenizer.endIds], [0]);
});

Deno.test("addBos: as the file says, else as usual for the kind, and never without BOS", () => {
  assertEquals(createTokenizer(source()).addBos, false);
  assertEquals(createTokenizer(source({ bosId: 6 })).addBos, true);
  assertEquals(createTokenizer(source({ bosId: 6, addBos: false })).addBos, false);
  assertEquals(createTokenizer(source({ bosId: 6, pre: "smollm" })).addBos, false);
  assertEquals(createTokenizer(source({ bosId: 6, pre: "smollm", addBos: true })).addBos, true);
});

Deno.test("createTokenizer: what doesn't fit is refused with its name", () => {
  const unsupported = (change: Partial<VocabularySource>, text: string): Error =>
    assertThrows(() => createTokenizer(source(change)), UnsupportedError, text);
  const wrong = (change: Partial<VocabularySource>, text: string): Error =>
    assertThrows(() => createTokenizer(source(change)), ModelError, text);
  unsupported({ model: "bert" }, '"bert"');
  unsupported({ pre: "qwen9" }, '"qwen9"');
  wrong({ tokens: stringList([]), types: new Int32Array(0) }, "no tokens");
  wrong({ types: new Int32Array(3) }, "10 tokens but 3 types");
  wrong({ eosId: 10 }, "EOS token id 10");
  wrong({ merges: stringList(["a x"]) }, "Merge rule 0");
});
