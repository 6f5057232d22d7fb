/** Byte-level BPE: words of a pre-tokenizer, merged byte by byte. Parses no control tokens. */
import { composedText } from "../composed_text.ts";
import { bytesOfSymbols, symbolOfByte, symbolsOfBytes } from "../byte_symbols.ts";
import { listedRules, MergeTable } from "../merges.ts";
import { type Pretokenizer, pretokenizerOf, splitWords } from "../pretokenize.ts";
import { TokenIndex } from "../token_index.ts";
import { TokenType, type VocabularySource } from "../vocabulary.ts";
import type { Codec } from "./codec.ts";
import { WordCache } from "./word_cache.ts";

/**
 * The codec of a vocabulary with listed merges (Sennrich et al. 1508.07909; on bytes, Radford et al. 2019).
 * Throws an `UnsupportedError` for an unknown pre-tokenizer, a `ModelError` for merges that do not fit.
 */
export class ByteLevelCodec implements Codec {
  readonly addBos: boolean;
  readonly addsSpace = false;
  readonly #types: Int32Array;
  readonly #pretokenizer: Pretokenizer;
  readonly #merges: MergeTable;
  /** Kept only where whole words are looked up. */
  readonly #wholeWords: TokenIndex | undefined;
  /** [256] token of each byte, -1 where the vocabulary lacks it: such bytes are left out. */
  readonly #byteIds: Int32Array;
  readonly #words = new WordCache((word) => this.#encodeWord(word));
  readonly #encoder = new TextEncoder();

  constructor({ pre, tokens, types, merges }: VocabularySource) {
    this.#pretokenizer = pretokenizerOf(pre);
    this.#types = types;
    this.addBos = this.#pretokenizer.addBos;
    const index = new TokenIndex(tokens);
    this.#merges = new MergeTable(listedRules(merges, index), merges.length);
    this.#byteIds = Int32Array.from(symbolOfByte, (symbol) => index.findText(symbol));
    this.#wholeWords = this.#pretokenizer.ignoreMerges ? index : undefined;
  }

  encode(text: string, ids: number[]): void {
    const { normalForm } = this.#pretokenizer;
    const normal = normalForm ? composedText(text) : text;
    splitWords(this.#pretokenizer, normal, (word) => this.#words.append(word, ids));
  }

  bytesOf(text: string): Uint8Array {
    return bytesOfSymbols(text) ?? this.#encoder.encode(text);
  }

  #encodeWord(word: string): readonly number[] {
    const bytes = this.#encoder.encode(word);
    const whole = this.#wholeWords?.findText(symbolsOfBytes(bytes)) ?? -1;
    if (whole >= 0 && this.#types[whole] === TokenType.normal) return [whole];
    const ids = Int32Array.from(bytes, (byte) => this.#byteIds[byte]);
    const length = this.#merges.merge(ids, ids.length);
    return Array.from(ids.subarray(0, length)).filter((id) => id >= 0);
  }
}
