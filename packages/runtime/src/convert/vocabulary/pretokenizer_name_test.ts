/** Tests of pretokenizer_name.ts: each known structure, and near misses. */
import { assertEquals, assertThrows } from "@std/assert";
import { UnsupportedError } from "../../errors.ts";
import type { JsonObject } from "../checkpoint/json_file.ts";
import { pretokenizerName } from "./pretokenizer_name.ts";

const WORDS = String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}#` +
  String.raw`| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;
const split = (Regex: string, change: JsonObject = {}) => ({
  type: "Split",
  pattern: { Regex },
  behavior: "Isolated",
  invert: false,
  ...change,
});
const bytes = (change: JsonObject = {}) => ({
  type: "ByteLevel",
  add_prefix_space: false,
  trim_offsets: true,
  ...change,
});
const bare = bytes({ use_regex: false });
const sequence = (...pretokenizers: unknown[]) => ({ type: "Sequence", pretokenizers });
const digits = { type: "Digits", individual_digits: true };
const NFC = { type: "NFC" };

const nameOf = (pre_tokenizer: unknown, normalizer: unknown = null, tokens: string[] = []) =>
  pretokenizerName({ normalizer, pre_tokenizer }, (text) => tokens.includes(text));

Deno.test("pretokenizerName: the structures of published models", () => {
  assertEquals(nameOf(bytes()), "gpt-2");
  assertEquals(nameOf(bytes({ use_regex: true })), "gpt-2");
  assertEquals(nameOf(sequence(digits, bytes({ use_regex: true }))), "smollm");
  assertEquals(nameOf(sequence(split(WORDS.replace("#", "{1,3}")), bare)), "llama-bpe");
  const qwen = sequence(split(WORDS.replace("#", "")), bare);
  assertEquals(nameOf(qwen, NFC), "qwen2");
  assertEquals(nameOf(qwen, { type: "Sequence", normalizers: [NFC] }), "qwen2");
  assertEquals(nameOf(qwen, NFC, ["<｜begin▁of▁sentence｜>"]), "deepseek-r1-qwen");
  assertEquals(nameOf(qwen, undefined, ["<｜begin▁of▁sentence｜>"]), "deepseek-r1-qwen");
  assertThrows(() => nameOf(qwen), UnsupportedError, "is not known");
});

Deno.test("pretokenizerName: what differs in one setting is refused with its parts", () => {
  const llama = split(WORDS.replace("#", "{1,3}"));
  const refused = (
    pre: unknown,
    normalizer?: unknown,
    message = "is not known: it has the parts",
  ) => assertThrows(() => nameOf(pre, normalizer), UnsupportedError, message);
  refused(null);
  refused(bytes({ add_prefix_space: true }), null, "add_prefix_space");
  refused(sequence(llama, bytes()));
  refused(sequence(llama, bare), NFC, '["NFC"');
  refused(sequence({ ...llama, behavior: "Removed" }, bare));
  refused(sequence({ ...llama, invert: true }, bare));
  refused(sequence({ ...llama, pattern: { String: " " } }, bare));
  refused(sequence(split(WORDS.replace("#", "")), bare));
  refused(sequence({ ...digits, individual_digits: false }, bytes()));
  refused({ type: "Metaspace" }, null, "Metaspace");
});
