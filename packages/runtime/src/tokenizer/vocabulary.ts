/** What a tokenizer is made from: tokens, merges, types and special ids, wherever they were stored. Splits and merges nothing. */

/** A list of strings that may be decoded only when asked for. */
export interface StringList {
  readonly length: number;
  /** The string at `index`, from 0 to `length - 1`. */
  at(index: number): string;
  /** Its UTF-8 bytes, where they can be had without decoding. */
  bytes?(index: number): Uint8Array;
}

/** A list over strings that exist already. */
export function stringList(strings: readonly string[]): StringList {
  return { length: strings.length, at: (index) => strings[index] };
}

/** Kinds of token, by the numbers of GGUF's `tokenizer.ggml.token_type`. */
export const TokenType = {
  normal: 1,
  unknown: 2,
  control: 3,
  userDefined: 4,
  unused: 5,
  byte: 6,
} as const;

/** The raw vocabulary of a model. */
export interface VocabularySource {
  /** `tokenizer.ggml.model`: `gpt2` is byte-level BPE, `llama` is SentencePiece's. */
  readonly model: string;
  /** `tokenizer.ggml.pre`: how text is cut before merging, such as `llama-bpe`. */
  readonly pre: string;
  /** V texts; in byte-level BPE, normal ones are written in the byte-to-character map of byte_symbols.ts. */
  readonly tokens: StringList;
  /** `left right` pairs, the most wanted first; byte-level BPE only. */
  readonly merges: StringList;
  /** V values, the greatest is wanted most; SentencePiece only. */
  readonly scores?: ArrayLike<number>;
  /** V values of `TokenType`. */
  readonly types: Int32Array;
  readonly bosId?: number;
  readonly eosId?: number;
  readonly eotId?: number;
  /** Stands for characters that can be written by no other token; SentencePiece only. */
  readonly unknownId?: number;
  /** Whether prompts begin with `bosId`; undefined: as usual for `pre`. */
  readonly addBos?: boolean;
  /** Whether each text gets a space before it; undefined: yes. SentencePiece only. */
  readonly addSpacePrefix?: boolean;
  /** Jinja text. */
  readonly chatTemplate?: string;
}
