/** Cuts text into the words that BPE merges within, one table entry for each `tokenizer.ggml.pre`. Knows no vocabulary. */
import { UnsupportedError } from "../errors.ts";

/** How one family of models cuts text and treats whole words. */
export interface Pretokenizer {
  /**
   * Patterns applied one after the other, each to the pieces of the one before. A match is a piece,
   * and so is the text between two matches.
   */
  readonly stages: readonly RegExp[];
  /** A word that is a token as a whole is taken as it is, whatever the merges say. */
  readonly ignoreMerges: boolean;
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

const LLAMA3 = CONTRACTIONS_ANY_CASE +
  String.raw`|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^${SPACE}\p{L}\p{N}]+[\r\n]*` +
  String.raw`|${SPACE}*[\r\n]+|${LAST_SPACES}`;

const llama3: Pretokenizer = { stages: [pattern(LLAMA3)], ignoreMerges: true, addBos: true };

const pretokenizers: ReadonlyMap<string, Pretokenizer> = new Map<string, Pretokenizer>([
  ["llama-bpe", llama3],
  ["llama3", llama3],
  ["llama-v3", llama3],
  // every digit alone, then GPT-2's pattern on what lies between
  ["smollm", {
    stages: [pattern(String.raw`\p{N}`), pattern(GPT2)],
    ignoreMerges: false,
    addBos: false,
  }],
]);

function pattern(source: string): RegExp {
  return new RegExp(source, "gu");
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
