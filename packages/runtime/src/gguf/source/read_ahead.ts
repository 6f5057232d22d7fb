/** Turns many small reads near each other into few large ones, and keeps the last of those. Fetches nothing itself. */

/** Where a request costs a round trip, this much comes with each: a layer of a small model. */
const BLOCK_BYTES = 4 * 1024 * 1024;
/** Tensors are not loaded in the order of the file; their neighbours stay this long. */
const KEPT_BLOCKS = 4;

/** Fills all of `into` with the bytes from `offset` on. */
export type FetchBytes = (
  offset: number,
  into: Uint8Array,
  signal?: AbortSignal,
) => Promise<void>;

/** Reads through blocks at multiples of their size; reads larger than a block go straight through. */
export class ReadAhead {
  /** By number, the longest unused first. */
  readonly #blocks = new Map<number, Uint8Array>();

  constructor(
    private readonly sizeBytes: number,
    private readonly fetchBytes: FetchBytes,
    private readonly blockBytes: number = BLOCK_BYTES,
  ) {}

  /** Fills `into`, which must lie within the size. */
  async read(offset: number, into: Uint8Array, signal?: AbortSignal): Promise<void> {
    if (into.length > this.blockBytes) return await this.fetchBytes(offset, into, signal);
    for (let filled = 0; filled < into.length;) {
      const at = offset + filled;
      const number = Math.floor(at / this.blockBytes);
      const start = number * this.blockBytes;
      const part = (await this.#block(number, signal)).subarray(at - start);
      const count = Math.min(part.length, into.length - filled);
      into.set(part.subarray(0, count), filled);
      filled += count;
    }
  }

  async #block(number: number, signal?: AbortSignal): Promise<Uint8Array> {
    const start = number * this.blockBytes;
    let block = this.#blocks.get(number);
    if (!block) {
      block = new Uint8Array(Math.min(this.blockBytes, this.sizeBytes - start));
      await this.fetchBytes(start, block, signal);
    }
    this.#blocks.delete(number);
    this.#blocks.set(number, block);
    for (const oldest of this.#blocks.keys()) {
      if (this.#blocks.size > KEPT_BLOCKS) this.#blocks.delete(oldest);
    }
    return block;
  }
}
