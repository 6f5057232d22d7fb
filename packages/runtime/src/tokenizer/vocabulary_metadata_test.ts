/** Tests of vocabulary_metadata.ts. */
import { assertEquals, assertThrows } from "@std/assert";
import { ModelError } from "../errors.ts";
import { Metadata, type PlainValue } from "../gguf/metadata.ts";
import { vocabularyFromMetadata } from "./vocabulary_metadata.ts";

const KEYS: Readonly<Record<string, PlainValue>> = {
  "tokenizer.ggml.model": "gpt2",
  "tokenizer.ggml.pre": "smollm",
  "tokenizer.ggml.tokens": ["a", "b", "ab", "<e>"],
  "tokenizer.ggml.token_type": new Int32Array([1, 1, 1, 3]),
  "tokenizer.ggml.merges": ["a b"],
  "tokenizer.ggml.eos_token_id": 3,
  "tokenizer.ggml.unknown_token_id": 0,
  "tokenizer.ggml.scores": new Float32Array([0, -1, -2, 0]),
  "tokenizer.ggml.add_bos_token": true,
  "tokenizer.ggml.add_space_prefix": false,
  "tokenizer.chat_template": "{{ messages }}",
};

Deno.test("vocabularyFromMetadata: reads every key", () => {
  const { tokens, merges, ...rest } = vocabularyFromMetadata(Metadata.from(KEYS));
  assertEquals([tokens.length, tokens.at(2), merges.length, merges.at(0)], [4, "ab", 1, "a b"]);
  assertEquals(rest, {
    model: "gpt2",
    pre: "smollm",
    types: new Int32Array([1, 1, 1, 3]),
    bosId: undefined,
    eosId: 3,
    eotId: undefined,
    unknownId: 0,
    scores: new Float32Array([0, -1, -2, 0]),
    addBos: true,
    addSpacePrefix: false,
    chatTemplate: "{{ messages }}",
  });
});

Deno.test("vocabularyFromMetadata: without types every token is normal", () => {
  const { "tokenizer.ggml.token_type": _, ...keys } = KEYS;
  const vocabulary = vocabularyFromMetadata(Metadata.from(keys));
  assertEquals(vocabulary.types, new Int32Array([1, 1, 1, 1]));
});

Deno.test("vocabularyFromMetadata: byte-level BPE needs a list of merges, SentencePiece none", () => {
  const { "tokenizer.ggml.merges": _, ...keys } = KEYS;
  assertThrows(() => vocabularyFromMetadata(Metadata.from(keys)), ModelError, "no merge rules");
  const none = Metadata.from({ ...keys, "tokenizer.ggml.merges": [] });
  assertEquals(vocabularyFromMetadata(none).merges.length, 0);
  const scored = Metadata.from({ ...keys, "tokenizer.ggml.model": "llama" });
  assertEquals(vocabularyFromMetadata(scored).merges.length, 0);
});

Deno.test("vocabularyFromMetadata: a file without a tokenizer is refused, and a wrong type too", () => {
  assertThrows(() => vocabularyFromMetadata(Metadata.from({})), ModelError, "no tokenizer");
  const wrong = Metadata.from({ ...KEYS, "tokenizer.ggml.merges": "a b" });
  assertThrows(() => vocabularyFromMetadata(wrong), ModelError, "tokenizer.ggml.merges");
});
