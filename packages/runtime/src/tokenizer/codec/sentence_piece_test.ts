/** Tests of sentence_piece.ts: the ids of sentencepiece and tokenizers on a small trained vocabulary, and the edges. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { readFileSync } from "node:fs";
import { seededRandom } from "../../../../../tests/support/seeded_random.ts";
import { wellFormedText } from "../../../../../tests/support/well_formed_text.ts";
import { ModelError } from "../../errors.ts";
import { createTokenizer, type Tokenizer } from "../tokenizer.ts";
import { stringList, type VocabularySource } from "../vocabulary.ts";

interface Golden {
  readonly tokens: readonly string[];
  readonly scores: readonly number[];
  readonly types: readonly number[];
  readonly cases: readonly { readonly text: string; readonly ids: readonly number[] }[];
  readonly special: readonly { readonly text: string; readonly ids: readonly number[] }[];
  readonly decode: readonly { readonly ids: readonly number[]; readonly text: string }[];
}
/** Made by make_sentencepiece.py beside it; not part of the shared reference folder. */
const golden: Golden = JSON.parse(readFileSync(
  new URL("../../../../../tests/fixtures/sentencepiece/sentencepiece.json", import.meta.url),
  "utf8",
));

function trained(change: Partial<VocabularySource> = {}): Tokenizer {
  return createTokenizer({
    model: "llama",
    pre: "default",
    tokens: stringList(golden.tokens),
    merges: stringList([]),
    scores: golden.scores,
    types: Int32Array.from(golden.types),
    bosId: 1,
    eosId: 2,
    unknownId: 0,
    ...change,
  });
}

Deno.test("SentencePieceCodec: the ids of sentencepiece, and decoding gives the text back", () => {
  const tokenizer = trained();
  for (const { text, ids } of golden.cases) {
    assertEquals(tokenizer.encode(text), ids, JSON.stringify(text));
    assertEquals(tokenizer.decode(ids), text.replaceAll("▁", " "));
  }
  assertEquals(tokenizer.addBos, true);
});

Deno.test("SentencePieceCodec: a space before each text between tokens that stand apart", () => {
  const tokenizer = trained();
  for (const { text, ids } of golden.special) {
    // <tool> is a marker: asked for, as the control tokens
    assertEquals(tokenizer.encode(text, { special: true }), ids, JSON.stringify(text));
  }
});

Deno.test("SentencePieceCodec: the texts of random ids", () => {
  const tokenizer = trained();
  for (const { ids, text } of golden.decode) assertEquals(tokenizer.decode(ids), text);
});

Deno.test("SentencePieceCodec: encode then decode is the identity for well-formed Unicode", () => {
  // without tokens that stand apart: after those the added space stays, as with tokenizers
  const tokenizer = trained({
    types: Int32Array.from(golden.types, (type) => type === 4 ? 5 : type),
  });
  const random = seededRandom(2);
  for (let round = 0; round < 500; round++) {
    const text = wellFormedText(random, 60).replaceAll("▁", "_");
    assertEquals(tokenizer.decode(tokenizer.encode(text)), text, JSON.stringify(text));
  }
});

Deno.test("SentencePieceCodec: without the added space, and without bytes", () => {
  const bare = trained({ addSpacePrefix: false });
  assertEquals(bare.decode(bare.encode(" the")), " the");
  assertEquals(bare.encode("the")[0] !== trained().encode("the")[0], true);
  const types = Int32Array.from(golden.types, (type) => type === 6 ? 5 : type);
  const plain = trained({ types });
  const [space, unknown] = [plain.encode("a")[0], 0];
  assertEquals(plain.encode("a漢字a").slice(0, 2), [space, unknown]);
  assertEquals(plain.encode("漢字").filter((id) => id === unknown).length, 1);
});

Deno.test("SentencePieceCodec: words that a token joins are merged as one", () => {
  const tokens = ["<unk>", "▁", "a", "b", "▁a", "b▁", "a▁", "▁b"];
  const tokenizer = createTokenizer({
    model: "llama",
    pre: "default",
    tokens: stringList(tokens),
    merges: stringList([]),
    scores: [0, -9, -9, -9, -3, -1, -4, -2],
    types: new Int32Array([2, 1, 1, 1, 1, 1, 1, 1]),
    unknownId: 0,
  });
  assertEquals(tokenizer.encode("b a").map((id) => tokens[id]), ["▁", "b▁", "a"]);
});

Deno.test("SentencePieceCodec: a long text of one word takes no quadratic time", () => {
  const tokenizer = trained();
  const text = "thehandoftheland".repeat(6000);
  const start = performance.now();
  assertEquals(tokenizer.decode(tokenizer.encode(text)), text);
  assert(performance.now() - start < 5000);
});

Deno.test("SentencePieceCodec: missing scores are a ModelError", () => {
  assertThrows(() => trained({ scores: undefined }), ModelError, "700 tokens but 0 scores");
});
