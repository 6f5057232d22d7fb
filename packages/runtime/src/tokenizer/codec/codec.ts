/** What a kind of vocabulary has to say about plain text and normal tokens. Declares, computes nothing. */

/** Plain text to ids, and the bytes of normal tokens. Control tokens are the tokenizer's own matter. */
export interface Codec {
  /** Prompts begin with BOS when the file says nothing about it. */
  readonly addBos: boolean;
  /** Whether `encode` puts a space before each text, which decoding takes off again. */
  readonly addsSpace: boolean;
  /** Appends the ids of `text`, which holds no token that is parsed apart. */
  encode(text: string, ids: number[]): void;
  /** The bytes that a token of this text and type stands for. */
  bytesOf(text: string, type: number): Uint8Array;
}
