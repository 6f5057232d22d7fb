/** Cuts text into the words that BPE merges within, one table entry for each `tokenizer.ggml.pre`. Knows no vocabulary. */
import { UnsupportedError } from "../errors.ts";
import { DEEPSEEK_CASED_LETTERS } from "./cased_letters.ts";

/** How one family of models cuts text and treats whole words. */
export interface Pretokenizer {
  /**
   * Patterns applied one after the other, each to the pieces of the one before. A match is a piece,
   * and so is the text between two matches.
   */
  readonly stages: readonly RegExp[];
  /** A word that is a token as a whole is taken as it is, whatever the merges say. */
  readonly ignoreMerges: boolean;
  /** Normal form that text is brought to before it is cut; undefined: it stays as it is. */
  readonly normalForm?: "NFC";
  /** Prompts begin with BOS when the file says nothing about it. */
  readonly addBos: boolean;
}

// The published patterns say \s, \S and (?i:...). \s is written as White_Space here, because JavaScript's
// \s has U+FEFF and lacks U+0085; cases are spelled out, because Node 22 has no (?i:), and the long s
// (U+017F) is another case of s.
const SPACE = String.raw`\p{White_Space}`;
const LAST_SPACES = String.raw`${SPACE}+(?!\P{White_Space})|${SPACE}+`;
const CONTRACTIONS_ANY_CASE = "'[sSſ]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]";

const GPT2 = "'s|'t|'re|'ve|'m|'ll|'d" +
  String.raw`| ?\p{L}+| ?\p{N}+| ?[^${SPACE}\p{L}\p{N}]+|${LAST_SPACES}`;

/** Llama 3's words (2407.21783), with as many digits to a number as given. */
const wordsWithDigits = (digits: string): string =>
  CONTRACTIONS_ANY_CASE +
  String.raw`|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}${digits}| ?[^${SPACE}\p{L}\p{N}]+[\r\n]*` +
  String.raw`|${SPACE}*[\r\n]+|${LAST_SPACES}`;

const DEEPSEEK_V3 = String.raw`[!-\/:-@\[-\u{60}\{-~][A-Za-z]+` +
  String.raw`|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*` +
  String.raw`|${SPACE}*[\r\n]+|${LAST_SPACES}`;

const plain = { ignoreMerges: false, addBos: false };

const gpt2: Pretokenizer = { ...plain, stages: patterns(GPT2) };

/** OLMo's published tokenizers compose characters first (llama.cpp leaves that out). */
const olmo: Pretokenizer = { ...gpt2, normalForm: "NFC" };

/** Every digit alone, then GPT-2's pattern on what lies between. */
const smollm: Pretokenizer = { ...plain, stages: patterns(String.raw`\p{N}`, GPT2) };

const llama3: Pretokenizer = {
  stages: patterns(wordsWithDigits("{1,3}")),
  ignoreMerges: true,
  addBos: true,
};

/** Digits alone; composed characters, as Qwen's published tokenizers (llama.cpp leaves that out). */
const qwen2: Pretokenizer = { ...plain, stages: patterns(wordsWithDigits("")), normalForm: "NFC" };

/** Llama 3's words, where a word that is a token is merged all the same and BOS is not expected. */
const llama3Words: Pretokenizer = { ...plain, stages: llama3.stages };

/** Qwen's words without its normal form. */
const qwen2Words: Pretokenizer = { ...plain, stages: qwen2.stages };

const EAST_ASIAN = String.raw`[\u{4e00}-\u{9fa5}\u{800}-\u{4e00}\u{ac00}-\u{d7ff}]+`;

/** Digits alone, as the published tokenizer; llama.cpp leaves them together, which its merges do not. */
const deepseekLlm: Pretokenizer = {
  ...plain,
  stages: patterns(
    String.raw`[\r\n]`,
    `${SPACE}?[${DEEPSEEK_CASED_LETTERS}]+`,
    String
      .raw`${SPACE}?[!-\/:-~\u{ff01}-\u{ff0f}\u{ff1a}-\u{ff5e}\u{2018}-\u{201f}\u{3000}-\u{3002}]+`,
    `${SPACE}+$`,
    EAST_ASIAN,
    String.raw`\p{N}`,
  ),
};

const deepseekCoder: Pretokenizer = {
  ...plain,
  stages: patterns(
    String.raw`[\r\n]`,
    String.raw`${SPACE}?\p{L}+`,
    String.raw`${SPACE}?\p{P}+`,
    EAST_ASIAN,
    String.raw`\p{N}`,
  ),
};

/** Numbers by three digits, then Chinese and Japanese, then words. */
const deepseekV3: Pretokenizer = {
  ...plain,
  stages: patterns(
    String.raw`\p{N}{1,3}`,
    String.raw`[\u{4e00}-\u{9fa5}\u{3040}-\u{309f}\u{30a0}-\u{30ff}]+`,
    DEEPSEEK_V3,
  ),
};

/** What llama.cpp takes for files that name no pre-tokenizer: signs apart, numbers by three ASCII digits. */
const unnamed: Pretokenizer = {
  ...plain,
  stages: patterns(
    String.raw`[\p{P}$+<=>^~\|]+`,
    GPT2,
    String.raw`\p{N}+`,
    "[0-9][0-9][0-9]",
  ),
};

/** The names of `tokenizer.ggml.pre` that llama.cpp (llama-vocab.cpp) treats alike. */
const NAMES: readonly (readonly [Pretokenizer, readonly string[]])[] = [
  [unnamed, ["default"]],
  [gpt2, ["gpt-2", "phi-2", "gigachat", "a.x-4.0", "mellum", "exaone4", "mpt", "jais"]],
  [olmo, ["olmo"]],
  [smollm, ["smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b"]],
  [llama3, [
    "llama-bpe",
    "llama3",
    "llama-v3",
    "falcon3",
    "falcon-h1",
    "pixtral",
    "midm-2.0",
    "lfm2",
  ]],
  [llama3Words, ["dbrx", "smaug-bpe"]],
  [qwen2, ["qwen2", "deepseek-r1-qwen"]],
  [qwen2Words, ["megrez", "kormo", "stablelm2", "hunyuan"]],
  [deepseekLlm, ["deepseek-llm"]],
  [deepseekCoder, ["deepseek-coder"]],
  [deepseekV3, ["deepseek-v3", "hunyuan-dense"]],
];

const pretokenizers: ReadonlyMap<string, Pretokenizer> = new Map(
  NAMES.flatMap(([pretokenizer, names]) => names.map((name) => [name, pretokenizer] as const)),
);

function patterns(...sources: string[]): readonly RegExp[] {
  return sources.map((source) => new RegExp(source, "gu"));
}

/** The pre-tokenizer that a model file names; throws an `UnsupportedError` for an unknown name. */
export function pretokenizerOf(pre: string): Pretokenizer {
  const found = pretokenizers.get(pre);
  if (found) return found;
  const known = [...pretokenizers.keys()].join(", ");
  throw new UnsupportedError(
    `The pre-tokenizer ${JSON.stringify(pre)} is not supported; known are ${known}`,
    `tokenizer.ggml.pre=${pre}`,
  );
}

/** Calls `word` for each word of `text`, in order; together they are the whole text. */
export function splitWords(
  { stages }: Pretokenizer,
  text: string,
  word: (text: string) => void,
): void {
  splitFrom(stages, 0, text, word);
}

function splitFrom(
  stages: readonly RegExp[],
  stage: number,
  text: string,
  word: (text: string) => void,
): void {
  const piece = stage + 1 === stages.length
    ? word
    : (part: string): void => splitFrom(stages, stage + 1, part, word);
  const regex = stages[stage];
  let end = 0;
  for (;;) {
    regex.lastIndex = end; // patterns never match the empty text, so this moves on
    const match = regex.exec(text);
    if (match === null) break;
    if (match.index > end) piece(text.slice(end, match.index));
    piece(match[0]);
    end = match.index + match[0].length;
  }
  if (end < text.length) piece(text.slice(end));
}
