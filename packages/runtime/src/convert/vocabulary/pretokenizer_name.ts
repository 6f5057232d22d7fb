/** Recognizes a pre-tokenizer by the parts that tokenizer.json builds it from. Cuts no text; ../../tokenizer/pretokenize.ts does. */
import { UnsupportedError } from "../../errors.ts";
import { DEEPSEEK_CASED_LETTERS } from "../../tokenizer/cased_letters.ts";
import { isObject, type JsonObject } from "../checkpoint/json_file.ts";

const CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const wordsWithDigits = (digits: string): string =>
  CONTRACTIONS + String.raw`|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}${digits}` +
  String.raw`| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;
const DEEPSEEK_WORDS = String.raw`[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_${"`"}{|}~][A-Za-z]+` +
  String.raw`|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*` +
  String.raw`|\s*[\r\n]+|\s+(?!\S)|\s+`;

const EAST_ASIAN = "[一-龥\u0800-一가-\ud7ff]+";

/** The parts of each known pre-tokenizer, the normal form first, as `partsOf` writes them. */
const KNOWN: Readonly<Record<string, string>> = {
  [parts("bytes of gpt-2 words")]: "gpt-2",
  [parts("NFC", "bytes of gpt-2 words")]: "olmo",
  [parts("each digit", "bytes of gpt-2 words")]: "smollm",
  [parts(wordsWithDigits("{1,3}"), "bytes")]: "llama-bpe",
  [parts("NFC", wordsWithDigits(""), "bytes")]: "qwen2",
  [parts(String.raw`\p{N}{1,3}`, "[一-龥\u3040-ゟ゠-ヿ]+", DEEPSEEK_WORDS, "bytes")]: "deepseek-v3",
  [
    parts(
      String.raw`[\r\n]`,
      String.raw`\s?[${DEEPSEEK_CASED_LETTERS}]+`,
      String.raw`\s?[!-/:-~！-／：-～‘-‟\u{3000}-。]+`,
      String.raw`\s+$`,
      EAST_ASIAN,
      "each digit",
      "bytes",
    )
  ]: "deepseek-llm",
  [
    parts(
      String.raw`[\r\n]`,
      String.raw`\s?\p{L}+`,
      String.raw`\s?\p{P}+`,
      EAST_ASIAN,
      "each digit",
      "bytes",
    )
  ]: "deepseek-coder",
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
  return list.map(oneSpelling).join("\n\n");
}

/** Characters stand in some files as they are, in others escaped or in another normal form; line ends become escapes. */
function oneSpelling(pattern: string): string {
  return pattern.replaceAll("\r", "\\r").replaceAll("\n", "\\n")
    .replace(
      /\\u(?:\{([0-9a-f]+)\}|([0-9a-f]{4}))/gi,
      (_, braced?: string, four?: string) =>
        String.fromCodePoint(Math.min(parseInt(braced ?? four as string, 16), 0x10ffff)),
    )
    .normalize("NFC");
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
    if (typeof pattern === "string") return [pattern];
  }
  return [JSON.stringify(part)];
}
