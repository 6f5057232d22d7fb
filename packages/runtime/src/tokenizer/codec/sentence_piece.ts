/** SentencePiece's BPE with byte fallback: characters, merged by the scores of what they make. Normalizes nothing. */
import { ModelError } from "../../errors.ts";
import { type MergeRule, MergeTable } from "../merges.ts";
import { bytesAt, TokenIndex } from "../token_index.ts";
import { TokenType, type VocabularySource } from "../vocabulary.ts";
import type { Codec } from "./codec.ts";
import { WordCache } from "./word_cache.ts";

/** How a space is written in tokens (U+2581). */
const SPACE_SIGN = "▁";
/** Spaces and what follows them: merges stay inside where no token has a space after something else. */
const WORD = /▁*[^▁]+|▁+/gu;

/**
 * The codec of a vocabulary with scores (Kudo & Richardson 1808.06226): the pair that makes the token of the best score
 * is merged first, the leftmost among equals. Characters without a token become their bytes, else the unknown token.
 * Throws a `ModelError` where the scores are missing.
 */
export class SentencePieceCodec implements Codec {
  readonly addBos = true;
  readonly addsSpace: boolean;
  readonly #index: TokenIndex;
  readonly #types: Int32Array;
  readonly #merges: MergeTable;
  readonly #unknownId: number | undefined;
  /** [256] token of each byte, -1 where the vocabulary lacks it. */
  readonly #byteIds: Int32Array;
  readonly #splitsWords: boolean;
  readonly #words = new WordCache((word) => this.#encodeWord(word));
  readonly #encoder = new TextEncoder();

  constructor(source: VocabularySource) {
    const { tokens, types, scores } = source;
    if (scores?.length !== tokens.length) {
      throw new ModelError(
        `The vocabulary has ${tokens.length} tokens but ${scores?.length ?? 0} scores`,
      );
    }
    this.addsSpace = source.addSpacePrefix ?? true;
    this.#types = types;
    this.#index = new TokenIndex(tokens);
    const rules = scoredRules(source, scores, this.#index);
    this.#merges = new MergeTable(rules, Math.max(rules.length, tokens.length));
    this.#unknownId = source.unknownId;
    this.#byteIds = Int32Array.from({ length: 256 }, (_, byte) => {
      const id = this.#index.findText(byteToken(byte));
      return id >= 0 && types[id] === TokenType.byte ? id : -1;
    });
    this.#splitsWords = !hasInnerSpace(source);
  }

  encode(text: string, ids: number[]): void {
    if (text === "") return;
    const escaped = (this.addsSpace ? SPACE_SIGN : "") + text.replaceAll(" ", SPACE_SIGN);
    if (!this.#splitsWords) this.#words.append(escaped, ids);
    else for (const [word] of escaped.matchAll(WORD)) this.#words.append(word, ids);
  }

  bytesOf(text: string, type: number): Uint8Array {
    if (type === TokenType.byte) return Uint8Array.of(parseInt(text.slice(3, 5), 16));
    return this.#encoder.encode(text.replaceAll(SPACE_SIGN, " "));
  }

  #encodeWord(word: string): readonly number[] {
    const characters = [...word];
    // a character without a token is -1 minus its place, which no rule has
    const ids = Int32Array.from(characters, (character, place) => {
      const id = this.#index.findText(character);
      return id >= 0 && this.#types[id] === TokenType.normal ? id : -1 - place;
    });
    const length = this.#merges.merge(ids, ids.length);
    const out: number[] = [];
    for (const id of ids.subarray(0, length)) {
      if (id >= 0) out.push(id);
      else this.#pushBytes(characters[-1 - id], out);
    }
    return out;
  }

  #pushBytes(character: string, out: number[]): void {
    const bytes = Array.from(this.#encoder.encode(character), (byte) => this.#byteIds[byte]);
    if (bytes.every((id) => id >= 0)) out.push(...bytes);
    else if (this.#unknownId !== undefined && out.at(-1) !== this.#unknownId) {
      out.push(this.#unknownId);
    }
  }
}

function byteToken(byte: number): string {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`;
}

function hasInnerSpace({ tokens, types }: VocabularySource): boolean {
  for (let id = 0; id < tokens.length; id++) {
    if (types[id] === TokenType.normal && /[^▁]▁/u.test(tokens.at(id))) return true;
  }
  return false;
}

/** Every way to make a normal token out of two; the rank is the place of its score. */
function scoredRules(
  { tokens, types }: VocabularySource,
  scores: ArrayLike<number>,
  index: TokenIndex,
): MergeRule[] {
  const isNormal = (id: number) => id >= 0 && types[id] === TokenType.normal;
  const order = Array.from({ length: tokens.length }, (_, id) => id).filter(isNormal)
    .sort((a, b) => scores[b] - scores[a] || a - b);
  const rules: MergeRule[] = [];
  order.forEach((merged, rank) => {
    const bytes = bytesAt(tokens, merged);
    for (let middle = 1; middle < bytes.length; middle++) {
      if ((bytes[middle] & 0xc0) === 0x80) continue; // inside a character
      const left = index.find(bytes, 0, middle);
      const right = index.find(bytes, middle, bytes.length);
      if (isNormal(left) && isNormal(right)) rules.push({ left, right, rank, merged });
    }
  });
  return rules;
}
