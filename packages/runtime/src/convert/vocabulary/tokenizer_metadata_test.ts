/** Tests of tokenizer_metadata.ts: token kinds, padding, merges in both spellings, scores, ids, templates, refusals. */
import { assertEquals, assertThrows } from "@std/assert";
import { CheckpointError, UnsupportedError } from "../../errors.ts";
import { Metadata } from "../../gguf/mod.ts";
import type { JsonObject } from "../checkpoint/json_file.ts";
import type { TokenizerFiles } from "./tokenizer_files.ts";
import { tokenizerMetadata } from "./tokenizer_metadata.ts";

const added = (id: number, content: string, special = true) => ({ id, content, special });
const MODEL = { type: "BPE", vocab: { a: 0, b: 1, c: 2, ab: 3, abc: 4 }, merges: ["a b", "ab c"] };
const TOKENIZER = {
  model: MODEL,
  pre_tokenizer: { type: "ByteLevel", add_prefix_space: false },
  added_tokens: [added(5, "<s>"), added(6, "<think>", false), added(7, "<|fim|>", false)],
};

function convert(
  change: Partial<TokenizerFiles> = {},
  { model = {}, generation, size = 10 }: {
    model?: JsonObject;
    generation?: JsonObject;
    size?: number;
  } = {},
): Metadata {
  const files = { tokenizer: TOKENIZER, config: {}, legacyAdded: {}, where: "t.json", ...change };
  return new Metadata(new Map(tokenizerMetadata(files, size, { model, generation })));
}
const withModel = (change: JsonObject) => ({ ...TOKENIZER, model: { ...MODEL, ...change } });
const tokensOf = (metadata: Metadata) => [...metadata.strings("tokenizer.ggml.tokens")];
const typesOf = (metadata: Metadata) => [...metadata.numbers("tokenizer.ggml.token_type")];

Deno.test("tokenizerMetadata: kinds of tokens, and rows of the embedding without one", () => {
  const metadata = convert();
  assertEquals(tokensOf(metadata).slice(5), ["<s>", "<think>", "<|fim|>", "[PAD8]", "[PAD9]"]);
  assertEquals(typesOf(metadata), [1, 1, 1, 1, 1, 3, 4, 3, 5, 5]);
  assertEquals(metadata.string("tokenizer.ggml.pre"), "gpt-2");
});

Deno.test("tokenizerMetadata: added tokens of the other files", () => {
  const metadata = convert({
    config: { added_tokens_decoder: { "6": added(6, "<think>"), "8": added(8, "a▁b", false) } },
    legacyAdded: { "</s>": 9 },
  });
  assertEquals(tokensOf(metadata).slice(8), ["a b", "</s>"]);
  assertEquals(typesOf(metadata).slice(5), [3, 3, 3, 4, 4]);
});

Deno.test("tokenizerMetadata: merges in both spellings", () => {
  const pairs = withModel({ merges: [["a", "b"], ["ab", "c"]] });
  for (const metadata of [convert(), convert({ tokenizer: pairs })]) {
    assertEquals([...metadata.strings("tokenizer.ggml.merges")], ["a b", "ab c"]);
  }
});

Deno.test("tokenizerMetadata: ids by name, then by number, and further ends of an answer", () => {
  const id = (metadata: Metadata, key: string) =>
    metadata.optionalCount(`tokenizer.ggml.${key}_token_id`);
  const named = convert(
    { config: { bos_token: { content: "<s>" }, eos_token: "<|fim|>", pad_token: null } },
    { model: { bos_token_id: 1, eos_token_id: 2, pad_token_id: 3, unk_token_id: 99 } },
  );
  assertEquals(["bos", "eos", "padding", "unknown", "eot"].map((key) => id(named, key)), [
    5,
    7,
    3,
    undefined,
    2,
  ]);
  const several = convert({ config: { eos_token: "<s>" } }, {
    generation: { eos_token_id: [7, 5, 6, 7, 99] },
  });
  assertEquals(["eos", "eot", "eom"].map((key) => id(several, key)), [5, 7, 6]);
});

Deno.test("tokenizerMetadata: whether BOS is added, as the configuration or the post-processor says", () => {
  const single = [{ SpecialToken: { id: "<s>" } }, { Sequence: { id: "A" } }];
  const post_processor = {
    type: "Sequence",
    processors: [{ type: "ByteLevel" }, { type: "TemplateProcessing", single }],
  };
  const tokenizer = { ...TOKENIZER, post_processor };
  const addBos = (config: JsonObject, own: JsonObject = tokenizer) =>
    convert({ tokenizer: own, config }).optionalBoolean("tokenizer.ggml.add_bos_token");
  assertEquals(addBos({ bos_token: "<s>" }), true);
  assertEquals(addBos({ bos_token: "<s>", add_bos_token: false }), false);
  assertEquals(addBos({ bos_token: "<s>" }, TOKENIZER), undefined);
  assertEquals(addBos({ add_bos_token: true }, TOKENIZER), true);
});

Deno.test("tokenizerMetadata: one chat template, several, or a file of its own", () => {
  const key = "tokenizer.chat_template";
  assertEquals(convert({ config: { chat_template: "x" } }).string(key), "x");
  assertEquals(convert({ config: { chat_template: "x" }, chatTemplate: "y" }).string(key), "y");
  const chat_template = [
    { name: "default", template: "d" },
    { name: "tool_use", template: "t" },
  ];
  const several = convert({ config: { chat_template } });
  assertEquals([several.string(key), several.string(`${key}.tool_use`)], ["d", "t"]);
  assertEquals([...several.strings("tokenizer.chat_templates")], ["tool_use"]);
  assertEquals(convert().has(key), false);
});

const SENTENCE_PIECE = {
  added_tokens: [added(0, "<unk>"), added(1, "<s>")],
  normalizer: {
    type: "Sequence",
    normalizers: [
      { type: "Prepend", prepend: "▁" },
      { type: "Replace", pattern: { String: " " }, content: "▁" },
    ],
  },
  pre_tokenizer: null,
  model: {
    type: "BPE",
    unk_token: "<unk>",
    byte_fallback: true,
    vocab: { "<unk>": 0, "<s>": 1, "<0x0A>": 2, "▁": 3, a: 4, b: 5, "▁a": 6, "▁ab": 7, ab: 8 },
    merges: ["▁ a", "a b", "▁a b", "▁ ab"],
  },
};

Deno.test("tokenizerMetadata: byte fallback gives SentencePiece's kind, ranks become scores", () => {
  const metadata = convert({ tokenizer: SENTENCE_PIECE });
  assertEquals(metadata.string("tokenizer.ggml.model"), "llama");
  assertEquals(typesOf(metadata), [2, 3, 6, 1, 1, 1, 1, 1, 1, 5]);
  assertEquals(metadata.boolean("tokenizer.ggml.add_space_prefix"), true);
  assertEquals(
    [...metadata.numbers("tokenizer.ggml.scores")].slice(3),
    [-4, -4, -4, 0, -2, -1, -10000],
  );
  const bare = { ...SENTENCE_PIECE, normalizer: null };
  const metaspace = (prepend_scheme: string) => ({
    ...bare,
    pre_tokenizer: { type: "Metaspace", replacement: "▁", prepend_scheme, split: false },
  });
  const prefix = (tokenizer: JsonObject) =>
    convert({ tokenizer }).boolean("tokenizer.ggml.add_space_prefix");
  assertEquals([prefix(metaspace("first")), prefix(metaspace("never"))], [true, false]);
});

Deno.test("tokenizerMetadata: what cannot be said in a GGUF file is refused", () => {
  const unsupported = (tokenizer: JsonObject, message: string) =>
    assertThrows(() => convert({ tokenizer }), UnsupportedError, message);
  unsupported(withModel({ type: "Unigram" }), "The tokenizer kind Unigram is not supported");
  unsupported(withModel({ end_of_word_suffix: "</w>" }), "end_of_word_suffix");
  const piece = (merges: unknown) => ({
    ...SENTENCE_PIECE,
    model: { ...SENTENCE_PIECE.model, merges },
  });
  unsupported(piece(["▁ a", "▁a b", "a b", "▁ ab"]), 'those of "▁ab" are not all together');
  unsupported(piece(["▁ a", "a b", "▁a b"]), 'those of "▁ab"');
  unsupported({ ...SENTENCE_PIECE, normalizer: { type: "NFKC" } }, "NFKC");
});

Deno.test("tokenizerMetadata: malformed files are refused with the token", () => {
  const malformed = (tokenizer: JsonObject, message: string, size = 10) =>
    assertThrows(() => convert({ tokenizer }, { size }), CheckpointError, message);
  malformed({}, "t.json has no model");
  malformed(withModel({ vocab: [] }), "t.json has no model.vocab");
  malformed(withModel({ vocab: { a: 0, b: 0 } }), 'id 0 stands for "a" and "b"');
  malformed(withModel({ vocab: { a: 1.5 } }), 'gives token "a" the id 1.5');
  malformed(TOKENIZER, 'gives token "<|fim|>" the id 7, the model has 7 tokens', 7);
  malformed({ ...TOKENIZER, added_tokens: [added(0, "x")] }, 'id 0 stands for "a" and "x"');
  malformed({ ...TOKENIZER, added_tokens: [{ id: 1 }] }, "without id or content");
  malformed(withModel({ merges: {} }), "has no model.merges");
  for (const merge of ["a b c", "ab", ["a"], ["a", " "], 1]) {
    malformed(withModel({ merges: [merge] }), `merge 0 is ${JSON.stringify(merge)}, no pair`);
  }
  malformed(withModel({ merges: ["b a"] }), 'merge 0 needs the token "ba"');
});
