/** Finds token ids by the bytes of their text, as a hash table without one object a token. Merges nothing. */
import type { StringList } from "./vocabulary.ts";

const encoder = new TextEncoder();

/** FNV-1a, 32 bits (Fowler, Noll, Vo 1991). */
const FNV_BASIS = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** The UTF-8 bytes of one string of a list. */
export function bytesAt(list: StringList, index: number): Uint8Array {
  return list.bytes ? list.bytes(index) : encoder.encode(list.at(index));
}

/** Token ids by text. Where two tokens have the same text, the later one is found. */
export class TokenIndex {
  /** The texts one after the other; token i is `#bytes[#starts[i]..#starts[i + 1])`. */
  readonly #bytes: Uint8Array;
  readonly #starts: Int32Array;
  /** Open addressing, a power of two of slots at most half full: token id, -1: free. */
  readonly #slots: Int32Array;

  constructor(tokens: StringList) {
    const count = tokens.length;
    this.#starts = new Int32Array(count + 1);
    for (let id = 0; id < count; id++) {
      this.#starts[id + 1] = this.#starts[id] + bytesAt(tokens, id).length;
    }
    this.#bytes = new Uint8Array(this.#starts[count]);
    let slots = 16;
    while (slots < count * 2) slots *= 2;
    this.#slots = new Int32Array(slots).fill(-1);
    for (let id = 0; id < count; id++) {
      const text = bytesAt(tokens, id);
      this.#bytes.set(text, this.#starts[id]);
      this.#slots[this.#slotOf(text, 0, text.length)] = id;
    }
  }

  /** The id of the token whose text is `bytes[start..end)`, or -1. */
  find(bytes: Uint8Array, start = 0, end: number = bytes.length): number {
    return this.#slots[this.#slotOf(bytes, start, end)];
  }

  /** The id of the token with this text, or -1. */
  findText(text: string): number {
    return this.find(encoder.encode(text));
  }

  /** The slot that holds the text, or the free one where it would go. */
  #slotOf(bytes: Uint8Array, start: number, end: number): number {
    let hash = FNV_BASIS;
    for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i], FNV_PRIME);
    const mask = this.#slots.length - 1;
    let slot = (hash ^ (hash >>> 15)) & mask;
    while (this.#slots[slot] >= 0 && !this.#equals(this.#slots[slot], bytes, start, end)) {
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  #equals(id: number, bytes: Uint8Array, start: number, end: number): boolean {
    const from = this.#starts[id];
    if (this.#starts[id + 1] - from !== end - start) return false;
    for (let i = start; i < end; i++) if (this.#bytes[from + i - start] !== bytes[i]) return false;
    return true;
  }
}
