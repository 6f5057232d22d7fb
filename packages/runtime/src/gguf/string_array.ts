/** A read-only list of UTF-8 strings in one buffer, decoded on demand. Does not check that they are valid UTF-8. */

const DECODER = new TextDecoder("utf-8", { ignoreBOM: true });

/** Strings of a GGUF array: a vocabulary of 150,000 tokens costs two buffers, not 150,000 objects. */
export class StringArray implements Iterable<string> {
  readonly #bytes: Uint8Array;
  /** Start of each string, then the end of the last. */
  readonly #starts: Uint32Array;
  readonly #gap: number;

  /**
   * @param bytes the strings one after the other, each preceded by `gap` bytes that are not part of it
   * @param starts where each string begins, then (end of the last string + gap)
   */
  constructor(bytes: Uint8Array, starts: Uint32Array, gap = 0) {
    this.#bytes = bytes;
    this.#starts = starts;
    this.#gap = gap;
  }

  /** Packs plain strings. */
  static from(strings: Iterable<string>): StringArray {
    const encoder = new TextEncoder();
    const parts = Array.from(strings, (text) => encoder.encode(text));
    const starts = new Uint32Array(parts.length + 1);
    parts.forEach((part, i) => starts[i + 1] = starts[i] + part.length);
    const bytes = new Uint8Array(starts[parts.length]);
    parts.forEach((part, i) => bytes.set(part, starts[i]));
    return new StringArray(bytes, starts);
  }

  get length(): number {
    return this.#starts.length - 1;
  }

  /** The bytes of string `index`: a view, not to be written. Throws RangeError outside `0..length-1`. */
  bytes(index: number): Uint8Array {
    if (!(index >= 0 && index < this.length)) {
      throw new RangeError(`No string ${index}: the array holds ${this.length}`);
    }
    return this.#bytes.subarray(this.#starts[index], this.#starts[index + 1] - this.#gap);
  }

  /** String `index`; invalid UTF-8 becomes U+FFFD. Throws RangeError outside `0..length-1`. */
  at(index: number): string {
    return DECODER.decode(this.bytes(index));
  }

  *[Symbol.iterator](): IterableIterator<string> {
    for (let i = 0; i < this.length; i++) yield this.at(i);
  }
}
