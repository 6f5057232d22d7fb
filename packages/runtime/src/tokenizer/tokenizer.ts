/** Text to token ids and back, control tokens apart from plain text. Adds no BOS and renders no chat template. */
import { ModelError, UnsupportedError } from "../errors.ts";
import { ByteLevelCodec } from "./codec/byte_level.ts";
import type { Codec } from "./codec/codec.ts";
import { SentencePieceCodec } from "./codec/sentence_piece.ts";
import { textPattern } from "./text_pattern.ts";
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
  /** Tokens that steer the model, by their text: control tokens and markers. Plain text never becomes one. */
  readonly controlTokens: ReadonlyMap<string, number>;
  /** Those of them that a file calls user-defined but are written as tags: `<think>`, `<tool_call>`. They are decoded as text. */
  readonly markerTokens: ReadonlyMap<string, number>;
  /** Token ids of `text`. `special` (default false): control tokens written in the text are parsed; else they stay text. */
  encode(text: string, options?: SpecialOption): number[];
  /**
   * Text of `ids`; invalid UTF-8 becomes U+FFFD. `special` (default true): control tokens are written
   * out, so that decoding undoes encoding; false leaves them out, but for markers. Throws a RangeError for an id
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

/** User-defined tokens of this form are markers; vocabularies of whole words have a space before each. */
const TAG = /^ ?<[^<>\s]+>$/;

/**
 * Makes a tokenizer: byte-level BPE (`gpt2`) or SentencePiece's BPE (`llama`); throws an `UnsupportedError` for another
 * kind and a `ModelError` when the parts do not fit together.
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
  const { tokens, types } = source;
  if (tokens.length === 0) throw new ModelError("The vocabulary has no tokens");
  if (types.length !== tokens.length) {
    throw new ModelError(`The vocabulary has ${tokens.length} tokens but ${types.length} types`);
  }
  return new VocabularyTokenizer(source, codecOf(source));
}

function codecOf(source: VocabularySource): Codec {
  if (source.model === "gpt2") return new ByteLevelCodec(source);
  if (source.model === "llama") return new SentencePieceCodec(source);
  throw new UnsupportedError(
    `The tokenizer kind ${JSON.stringify(source.model)} is not supported; known are gpt2, llama`,
    `tokenizer.ggml.model=${source.model}`,
  );
}

/** One vocabulary with the codec of its kind. */
class VocabularyTokenizer implements Tokenizer {
  readonly vocabularySize: number;
  readonly bosId: number | undefined;
  readonly eosId: number | undefined;
  readonly endIds: ReadonlySet<number>;
  readonly addBos: boolean;
  readonly chatTemplate: string | undefined;
  readonly controlTokens: ReadonlyMap<string, number>;
  readonly markerTokens: ReadonlyMap<string, number>;
  readonly #tokens: StringList;
  readonly #types: Int32Array;
  readonly #codec: Codec;
  readonly #userTokens: ReadonlyMap<string, number>;
  readonly #userPattern: RegExp | undefined;
  readonly #specialPattern: RegExp | undefined;
  readonly #encoder = new TextEncoder();

  constructor(source: VocabularySource, codec: Codec) {
    const { tokens, types } = source;
    this.#tokens = tokens;
    this.#types = types;
    this.#codec = codec;
    this.vocabularySize = tokens.length;
    const control = new Map<string, number>();
    const markers = new Map<string, number>();
    const user = new Map<string, number>();
    for (let id = 0; id < tokens.length; id++) {
      if (this.#isControl(id)) control.set(tokens.at(id), id);
      else if (types[id] === TokenType.userDefined) {
        const text = tokens.at(id);
        (TAG.test(text) ? markers : user).set(text, id);
      }
    }
    this.markerTokens = markers;
    this.controlTokens = new Map([...control, ...markers]);
    this.#userTokens = user;
    this.#userPattern = textPattern(user.keys());
    this.#specialPattern = textPattern([...user.keys(), ...this.controlTokens.keys()]);
    this.bosId = this.#checkedId("BOS", source.bosId);
    this.eosId = this.#checkedId("EOS", source.eosId);
    const ends = [this.eosId, this.#checkedId("EOT", source.eotId)];
    for (const text of END_TEXTS) ends.push(control.get(text));
    this.endIds = new Set(ends.filter((id) => id !== undefined));
    this.addBos = (source.addBos ?? codec.addBos) && this.bosId !== undefined;
    this.chatTemplate = source.chatTemplate;
  }

  encode(text: string, { special = false }: SpecialOption = {}): number[] {
    const ids: number[] = [];
    const pattern = special ? this.#specialPattern : this.#userPattern;
    let end = 0;
    if (pattern) {
      for (const match of text.matchAll(pattern)) {
        this.#codec.encode(text.slice(end, match.index), ids);
        ids.push(this.#userTokens.get(match[0]) ?? this.controlTokens.get(match[0]) as number);
        end = match.index + match[0].length;
      }
    }
    this.#codec.encode(end === 0 ? text : text.slice(end), ids);
    return ids;
  }

  decode(ids: Iterable<number>, { special = true }: SpecialOption = {}): string {
    const known = new Map<number, Uint8Array>(); // long texts repeat their tokens
    const parts: Uint8Array[] = [];
    let sizeBytes = 0;
    for (const id of ids) {
      const bytes = known.get(id) ?? this.bytesOf(id);
      known.set(id, bytes);
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
    const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(whole);
    return this.#codec.addsSpace && text.startsWith(" ") ? text.slice(1) : text;
  }

  bytesOf(id: number): Uint8Array {
    const text = this.tokenText(id);
    const type = this.#types[id];
    const isPlain = type === TokenType.userDefined || this.#isControl(id);
    return isPlain ? this.#encoder.encode(text) : this.#codec.bytesOf(text, type);
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
}
