/** A bump allocator for activations: scopes nest, closing one frees all that was made in it at once. Frees nothing singly. */
import type { WasmMemory } from "./memory.ts";

const ALIGNMENT = 64;

interface Block {
  readonly address: number;
  readonly size: number;
}

/** A place in the arena to go back to. */
export interface ArenaMark {
  readonly block: number;
  readonly used: number;
}

/** The mark of an empty arena. */
export const ARENA_START: ArenaMark = { block: 0, used: 0 };

/** Blocks are kept when a scope closes, so a steady loop allocates nothing. */
export class Arena {
  readonly #blocks: Block[] = [];
  #block = 0;
  #used = 0;

  constructor(private readonly memory: WasmMemory, private readonly blockBytes: number) {}

  /** Address of `bytes` bytes, not cleared, 64-byte aligned. */
  allocate(bytes: number): number {
    const size = Math.ceil(Math.max(bytes, 1) / ALIGNMENT) * ALIGNMENT;
    while (this.#block < this.#blocks.length) {
      const block = this.#blocks[this.#block];
      if (this.#used + size <= block.size) {
        const address = block.address + this.#used;
        this.#used += size;
        return address;
      }
      this.#block++;
      this.#used = 0;
    }
    const block = { size: Math.max(size, this.blockBytes), address: 0 };
    block.address = this.memory.allocate(block.size);
    this.#blocks.push(block);
    this.#block = this.#blocks.length - 1;
    this.#used = size;
    return block.address;
  }

  mark(): ArenaMark {
    return { block: this.#block, used: this.#used };
  }

  /** Frees everything allocated since the mark. */
  rewind(mark: ArenaMark): void {
    this.#block = mark.block;
    this.#used = mark.used;
  }
}
