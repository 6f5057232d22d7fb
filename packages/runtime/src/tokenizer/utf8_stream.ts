/** Turns bytes that arrive in pieces into text without cutting a character. Knows no tokens. */

/**
 * A decoder that holds an incomplete UTF-8 sequence back until its rest arrives. All texts together
 * equal the decoding of all bytes together: each maximal invalid part becomes one U+FFFD (Unicode
 * 17.0, section 3.9, "U+FFFD Substitution of Maximal Subparts").
 *
 * ```ts
 * import { Utf8Stream } from "@aha/runtime/tokenizer";
 * const stream = new Utf8Stream();
 * stream.push(new Uint8Array([0xe2, 0x82])); // "" so far
 * stream.push(new Uint8Array([0xac])); // "€"
 * stream.end(); // "": nothing was left over
 * ```
 */
export class Utf8Stream {
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });

  /** Takes more bytes and gives the text that is certain now, often "". */
  push(bytes: Uint8Array): string {
    return this.#decoder.decode(bytes, { stream: true });
  }

  /** Ends the stream: "" or U+FFFD for a sequence that was never completed. The stream may be used anew. */
  end(): string {
    return this.#decoder.decode();
  }
}
