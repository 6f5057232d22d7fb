/** Recognizes a pre-tokenizer by the parts that tokenizer.json builds it from. Cuts no text; ../../tokenizer/pretokenize.ts does. */
import { UnsupportedError } from "../../errors.ts";
import { isObject, type JsonObject } from "../checkpoint/json_file.ts";

const CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const wordsWithDigits = (digits: string): string =>
  CONTRACTIONS + String.raw`|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}${digits}` +
  String.raw`| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;
const DEEPSEEK_WORDS = String.raw`[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_${"`"}{|}~][A-Za-z]+` +
  String.raw`|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*` +
  String.raw`|\s*[\r\n]+|\s+(?!\S)|\s+`;

/** The parts of each known pre-tokenizer, the normal form first, as `partsOf` writes them. */
const KNOWN: Readonly<Record<string, string>> = {
  [parts("bytes of gpt-2 words")]: "gpt-2",
  [parts("each digit", "bytes of gpt-2 words")]: "smollm",
  [parts(wordsWithDigits("{1,3}"), "bytes")]: "llama-bpe",
  [parts("NFC", wordsWithDigits(""), "bytes")]: "qwen2",
  [parts(String.raw`\p{N}{1,3}`, "[一-龥\u3040-ゟ゠-ヿ]+", DEEPSEEK_WORDS, "bytes")]: "deepseek-v3",
};

/** R1's distills are Qwens with DeepSeek's control tokens: the same cut under another name, whether or not NFC is asked for. */
const DEEPSEEK_BOS = "<｜begin▁of▁sentence｜>";
const DISTILL_PARTS = [
  parts("NFC", wordsWithDigits(""), "bytes"),
  parts(wordsWithDigits(""), "bytes"),
];

/**
 * The value of `tokenizer.ggml.pre` for a byte-level tokenizer.json.
 * @throws {UnsupportedError} if it cuts text in a way that is not known
 */
export function pretokenizerName(
  tokenizer: JsonObject,
  hasToken: (text: string) => boolean,
): string {
  const found = [...normalizerParts(tokenizer.normalizer), ...partsOf(tokenizer.pre_tokenizer)];
  if (DISTILL_PARTS.includes(parts(...found)) && hasToken(DEEPSEEK_BOS)) return "deepseek-r1-qwen";
  const name = KNOWN[parts(...found)];
  if (name) return name;
  const known = Object.values(KNOWN).join(", ");
  const told = JSON.stringify(found.map((part) => part.slice(0, 60))).slice(0, 300);
  throw new UnsupportedError(
    `The pre-tokenizer of tokenizer.json is not known: it has the parts ${told} (known are ${known})`,
    "pre_tokenizer",
  );
}

function parts(...list: readonly string[]): string {
  return list.join("\n\n");
}

function normalizerParts(normalizer: unknown): string[] {
  if (!isObject(normalizer)) return [];
  if (normalizer.type === "Sequence" && Array.isArray(normalizer.normalizers)) {
    return normalizer.normalizers.flatMap(normalizerParts);
  }
  return [String(normalizer.type)];
}

/** What a part does; parts of unusual settings are written out whole, so that they equal nothing known. */
function partsOf(part: unknown): string[] {
  if (!isObject(part)) return [];
  if (part.type === "Sequence" && Array.isArray(part.pretokenizers)) {
    return part.pretokenizers.flatMap(partsOf);
  }
  if (part.type === "ByteLevel" && part.add_prefix_space !== true) {
    return [part.use_regex === false ? "bytes" : "bytes of gpt-2 words"];
  }
  if (part.type === "Digits" && part.individual_digits === true) return ["each digit"];
  if (part.type === "Split" && part.behavior === "Isolated" && part.invert !== true) {
    const pattern = isObject(part.pattern) ? part.pattern.Regex : undefined;
    // Line ends stand in some files as they are, in others escaped.
    if (typeof pattern === "string") {
      return [pattern.replaceAll("\r", "\\r").replaceAll("\n", "\\n")];
    }
  }
  return [JSON.stringify(part)];
}
