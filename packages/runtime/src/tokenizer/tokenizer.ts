/** Byte-level BPE: text to token ids and back. Adds no BOS, renders no chat template and normalizes nothing. */
import { ModelError, UnsupportedError } from "../errors.ts";
import { bytesOfSymbols, symbolOfByte, symbolsOfBytes } from "./byte_symbols.ts";
import { MergeTable } from "./merges.ts";
import { type Pretokenizer, pretokenizerOf, splitWords } from "./pretokenize.ts";
import { textPattern } from "./text_pattern.ts";
import { TokenIndex } from "./token_index.ts";
import { type StringList, TokenType, type VocabularySource } from "./vocabulary.ts";

/** Whether control tokens written as text are meant. */
export interface SpecialOption {
  readonly special?: boolean;
}

/** Text to token ids and back. */
export interface Tokenizer {
  /** V, the number of token ids. */
  readonly vocabularySize: number;
  readonly bosId: number | undefined;
  readonly eosId: number | undefined;
  /** Ids that end a turn: EOS, EOT and the control tokens known for it. */
  readonly endIds: ReadonlySet<number>;
  /** Whether a prompt without a chat template begins with `bosId`; `encode` itself never adds it. */
  readonly addBos: boolean;
  /** Jinja text, where the model has one. */
  readonly chatTemplate: string | undefined;
  /** Control tokens by their text. */
  readonly controlTokens: ReadonlyMap<string, number>;
  /** Token ids of `text`. `special` (default false): control tokens written in the text are parsed; else they stay text. */
  encode(text: string, options?: SpecialOption): number[];
  /**
   * Text of `ids`; invalid UTF-8 becomes U+FFFD. `special` (default true): control tokens are written
   * out, so that decoding undoes encoding; false leaves them out. Throws a RangeError for an id
   * outside the vocabulary.
   */
  decode(ids: Iterable<number>, options?: SpecialOption): string;
  /** The bytes that a token stands for; throws a RangeError for an id outside the vocabulary. */
  bytesOf(id: number): Uint8Array;
  /** The token as the file writes it (`Ġhello`); throws a RangeError for an id outside the vocabulary. */
  tokenText(id: number): string;
}

/** Control tokens that end a turn in published models, whether or not the file names them as EOS. */
const END_TEXTS: readonly string[] = [
  "<|endoftext|>",
  "<|im_end|>",
  "<|eot_id|>",
  "<|eom_id|>",
  "<|end_of_text|>",
  "<|end|>",
  "<end_of_turn>",
  "<｜end▁of▁sentence｜>",
];

/** The cache of words is emptied at this many; text has about 20,000 different words a megabyte. */
const CACHED_WORDS = 32_768;
/** Longer words are seldom seen twice. */
const CACHED_WORD_LENGTH = 64;

/**
 * Makes a byte-level BPE tokenizer (Sennrich et al. 2016; on bytes, Radford et al. 2019); throws an
 * `UnsupportedError` for another kind and a `ModelError` when the parts do not fit together.
 *
 * Our own because @huggingface/tokenizers 0.2.0 fails three named needs, measured in Deno on 2 cores
 * with Qwen3's vocabulary of 151k: it loads in 0.8 s when cold (needed: 0.3 s; this one: 0.1 to 0.2 s),
 * encodes 0.6 MB/s at first and 1.1 when warm (needed: 1; this one: 6 to 15), and always parses
 * control tokens that stand in the text.
 *
 * ```ts
 * import { createTokenizer, stringList } from "@aha/runtime/tokenizer";
 * const tokenizer = createTokenizer({
 *   model: "gpt2",
 *   pre: "smollm",
 *   tokens: stringList(["h", "i", "hi"]),
 *   merges: stringList(["h i"]),
 *   types: new Int32Array([1, 1, 1]),
 * });
 * tokenizer.encode("hih"); // [2, 0]
 * ```
 */
export function createTokenizer(source: VocabularySource): Tokenizer {
  return new BpeTokenizer(source, pretokenizerOf(checkedPre(source)));
}

function checkedPre({ model, pre, tokens, types }: VocabularySource): string {
  if (model !== "gpt2") {
    throw new UnsupportedError(
      `The tokenizer kind ${JSON.stringify(model)} is not supported; known is gpt2`,
      `tokenizer.ggml.model=${model}`,
    );
  }
  if (tokens.length === 0) throw new ModelError("The vocabulary has no tokens");
  if (types.length !== tokens.length) {
    throw new ModelError(`The vocabulary has ${tokens.length} tokens but ${types.length} types`);
  }
  return pre;
}

/** Byte-level BPE over one vocabulary, with a cache of words. */
class BpeTokenizer implements Tokenizer {
  readonly vocabularySize: number;
  readonly bosId: number | undefined;
  readonly eosId: number | undefined;
  readonly endIds: ReadonlySet<number>;
  readonly addBos: boolean;
  readonly chatTemplate: string | undefined;
  readonly controlTokens: ReadonlyMap<string, number>;
  readonly #tokens: StringList;
  readonly #types: Int32Array;
  readonly #pretokenizer: Pretokenizer;
  readonly #merges: MergeTable;
  /** Kept only where whole words are looked up. */
  readonly #wholeWords: TokenIndex | undefined;
  /** [256] token of each byte, -1 where the vocabulary lacks it: such bytes are left out. */
  readonly #byteIds: Int32Array;
  readonly #userTokens: ReadonlyMap<string, number>;
  readonly #userPattern: RegExp | undefined;
  readonly #specialPattern: RegExp | undefined;
  readonly #words = new Map<string, readonly number[]>();
  readonly #encoder = new TextEncoder();

  constructor(source: VocabularySource, pretokenizer: Pretokenizer) {
    const { tokens, types } = source;
    this.#tokens = tokens;
    this.#types = types;
    this.#pretokenizer = pretokenizer;
    this.vocabularySize = tokens.length;
    const index = new TokenIndex(tokens);
    const control = new Map<string, number>();
    const user = new Map<string, number>();
    for (let id = 0; id < tokens.length; id++) {
      if (this.#isControl(id)) control.set(tokens.at(id), id);
      else if (types[id] === TokenType.userDefined) user.set(tokens.at(id), id);
    }
    this.controlTokens = control;
    this.#userTokens = user;
    this.#userPattern = textPattern(user.keys());
    this.#specialPattern = textPattern([...user.keys(), ...control.keys()]);
    this.#merges = new MergeTable(source.merges, index);
    this.#byteIds = Int32Array.from(symbolOfByte, (symbol) => index.findText(symbol));
    this.#wholeWords = pretokenizer.ignoreMerges ? index : undefined;
    this.bosId = this.#checkedId("BOS", source.bosId);
    this.eosId = this.#checkedId("EOS", source.eosId);
    const ends = [this.eosId, this.#checkedId("EOT", source.eotId)];
    for (const text of END_TEXTS) ends.push(control.get(text));
    this.endIds = new Set(ends.filter((id) => id !== undefined));
    this.addBos = (source.addBos ?? pretokenizer.addBos) && this.bosId !== undefined;
    this.chatTemplate = source.chatTemplate;
  }

  encode(text: string, { special = false }: SpecialOption = {}): number[] {
    const ids: number[] = [];
    const pattern = special ? this.#specialPattern : this.#userPattern;
    let end = 0;
    if (pattern) {
      for (const match of text.matchAll(pattern)) {
        this.#encodePlain(text.slice(end, match.index), ids);
        ids.push(this.#userTokens.get(match[0]) ?? this.controlTokens.get(match[0]) as number);
        end = match.index + match[0].length;
      }
    }
    this.#encodePlain(end === 0 ? text : text.slice(end), ids);
    return ids;
  }

  decode(ids: Iterable<number>, { special = true }: SpecialOption = {}): string {
    const parts: Uint8Array[] = [];
    let sizeBytes = 0;
    for (const id of ids) {
      const bytes = this.bytesOf(id);
      if (!special && this.#isControl(id)) continue;
      parts.push(bytes);
      sizeBytes += bytes.length;
    }
    const whole = new Uint8Array(sizeBytes);
    let offset = 0;
    for (const part of parts) {
      whole.set(part, offset);
      offset += part.length;
    }
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(whole);
  }

  bytesOf(id: number): Uint8Array {
    const text = this.tokenText(id);
    const isPlain = this.#types[id] === TokenType.userDefined || this.#isControl(id);
    return (isPlain ? undefined : bytesOfSymbols(text)) ?? this.#encoder.encode(text);
  }

  tokenText(id: number): string {
    if (!(Number.isInteger(id) && id >= 0 && id < this.vocabularySize)) {
      throw new RangeError(`Token id ${id} is outside the vocabulary of ${this.vocabularySize}`);
    }
    return this.#tokens.at(id);
  }

  #isControl(id: number): boolean {
    return this.#types[id] === TokenType.control || this.#types[id] === TokenType.unknown;
  }

  #checkedId(name: string, id: number | undefined): number | undefined {
    if (id !== undefined && !(id >= 0 && id < this.vocabularySize)) {
      throw new ModelError(
        `The ${name} token id ${id} is outside the vocabulary of ${this.vocabularySize}`,
      );
    }
    return id;
  }

  #encodePlain(text: string, ids: number[]): void {
    splitWords(this.#pretokenizer, text, (word) => {
      let wordIds = this.#words.get(word);
      if (wordIds === undefined) {
        wordIds = this.#encodeWord(word);
        if (word.length <= CACHED_WORD_LENGTH) {
          if (this.#words.size >= CACHED_WORDS) this.#words.clear();
          this.#words.set(word, wordIds);
        }
      }
      for (let i = 0; i < wordIds.length; i++) ids.push(wordIds[i]);
    });
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
