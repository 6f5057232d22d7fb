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

/** As DeepSeek's first tokenizer.json files have them: literal characters, line ends and all. */
const EAST_ASIAN = split("[一-龥\u0800-一가-\ud7ff]+");
const CASED =
  "A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗὙὛὝὟ-\u1f7dᾀ-ᾴᾶ-ᾼ" +
  "\u1fbeῂ-ῄῆ-ῌῐ-\u1fd3ῖ-\u1fdbῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤ\u2126ℨ\u212a-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗ" +
  "Ａ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃";
const llmParts = (cased: string) => [
  split("[\r\n]"),
  split(String.raw`\s?[${cased}]+`),
  split(String.raw`\s?[!-/:-~！-／：-～‘-‟　-。]+`),
  split(String.raw`\s+$`),
  EAST_ASIAN,
  digits,
  bare,
];
const coderParts = [
  split("[\r\n]"),
  split(String.raw`\s?\p{L}+`),
  split(String.raw`\s?\p{P}+`),
  EAST_ASIAN,
  digits,
  bare,
];

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
  assertEquals(nameOf(bytes(), NFC), "olmo");
  assertEquals(nameOf(sequence(...llmParts(CASED))), "deepseek-llm");
  assertEquals(nameOf(sequence(...llmParts(CASED.normalize("NFC")))), "deepseek-llm");
  assertEquals(
    nameOf(sequence(...coderParts), { type: "Sequence", normalizers: [] }),
    "deepseek-coder",
  );
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
  refused(sequence(...llmParts(CASED.slice(0, -1))));
  refused(sequence(...coderParts.slice(1)));
  refused(sequence(...coderParts), NFC);
  refused({ type: "Metaspace" }, null, "Metaspace");
});
