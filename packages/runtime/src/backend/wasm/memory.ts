/** Typed views on the wasm memory and allocation of lasting blocks. Views that are handed out are made anew each time: growth detaches old ones. */
import { MemoryError } from "../../errors.ts";
import type { Core } from "./core.ts";

/** Lasting blocks and views; addresses are byte offsets. */
export class WasmMemory {
  readonly #blocks = new Map<number, number>();
  /** The memory as it was when `writeI32` last had to look: making a view costs as much as a small op. */
  #words = new Int32Array(0);

  constructor(private readonly core: Core) {}

  /** @throws {MemoryError} when the memory may not grow that far. */
  allocate(bytes: number): number {
    const address = this.core.exports.allocate(bytes) >>> 0;
    if (address === 0) {
      const used = this.core.memory.buffer.byteLength;
      throw new MemoryError(
        `Out of wasm memory: ${bytes} bytes wanted, the memory holds ${used} bytes already`,
        used + bytes,
        used,
      );
    }
    this.#blocks.set(address, bytes);
    return address;
  }

  /** Gives a block back. */
  release(address: number): void {
    const bytes = this.#blocks.get(address);
    if (bytes === undefined) throw new TypeError(`No block starts at address ${address}`);
    this.#blocks.delete(address);
    this.core.exports.release(address, bytes);
  }

  copy(from: number, to: number, bytes: number): void {
    this.core.exports.copy_bytes(from, to, bytes);
  }

  bytes(address: number, length: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.core.memory.buffer, address, length) as Uint8Array<ArrayBuffer>;
  }

  f32(address: number, length: number): Float32Array {
    return new Float32Array(this.core.memory.buffer, address, length);
  }

  i32(address: number, length: number): Int32Array {
    return new Int32Array(this.core.memory.buffer, address, length);
  }

  /** Copies whole numbers of 32 bits, signed or not, to an address that is a multiple of 4. */
  writeI32(address: number, values: ArrayLike<number>): void {
    const first = address / 4;
    // Growth detaches a view of memory that is not shared, and leaves one of shared memory as long as it was.
    if (first + values.length > this.#words.length) {
      this.#words = new Int32Array(this.core.memory.buffer);
    }
    for (let i = 0; i < values.length; i++) this.#words[first + i] = values[i];
  }

  u32(address: number, length: number): Uint32Array {
    return new Uint32Array(this.core.memory.buffer, address, length);
  }
}
