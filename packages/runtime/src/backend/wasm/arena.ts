/** A bump allocator for activations: scopes nest, closing one frees all that was made in it at once. Frees nothing singly. */
import type { WasmMemory } from "./memory.ts";

const ALIGNMENT = 64;

interface Block {
  readonly address: number;
  readonly size: number;
}

/** A state of the arena to go back to: the bytes in use of each block; blocks beyond have none. */
export type ArenaMark = readonly number[];

/** The mark of an empty arena. */
export const ARENA_START: ArenaMark = [];

/**
 * Blocks are kept when a scope closes, so a steady loop allocates nothing. A large tensor leaves room at the end of a
 * block that smaller ones after it fill.
 */
export class Arena {
  readonly #blocks: Block[] = [];
  readonly #used: number[] = [];

  constructor(private readonly memory: WasmMemory, private readonly blockBytes: number) {}

  /** Address of `bytes` bytes, not cleared, 64-byte aligned. */
  allocate(bytes: number): number {
    const size = Math.ceil(Math.max(bytes, 1) / ALIGNMENT) * ALIGNMENT;
    let index = 0;
    while (index < this.#blocks.length && this.#used[index] + size > this.#blocks[index].size) {
      index++;
    }
    if (index === this.#blocks.length) {
      const blockSize = Math.max(size, this.blockBytes);
      this.#blocks.push({ size: blockSize, address: this.memory.allocate(blockSize) });
      this.#used.push(0);
    }
    const address = this.#blocks[index].address + this.#used[index];
    this.#used[index] += size;
    return address;
  }

  mark(): ArenaMark {
    return this.#used.slice();
  }

  /** Frees everything allocated since the mark. */
  rewind(mark: ArenaMark): void {
    for (let index = 0; index < this.#used.length; index++) this.#used[index] = mark[index] ?? 0;
  }
}
