/** Buffers for activations: scopes nest, closing one gives back all that was made in it at once. Clears nothing. */
import type { GpuDevice } from "./device.ts";

const SMALLEST_BYTES = 256;

/**
 * A buffer a tensor, of the next power of two, since WebGPU lets no kernel read one part of a buffer and write another.
 * A buffer given back may be written by the next op at once: commands run in the order in which they were enqueued.
 */
export class BufferArena {
  readonly #spare = new Map<number, GPUBuffer[]>();
  readonly #used: GPUBuffer[] = [];

  constructor(private readonly device: GpuDevice) {}

  allocate(sizeBytes: number): GPUBuffer {
    const size = 2 ** Math.ceil(Math.log2(Math.max(sizeBytes, SMALLEST_BYTES)));
    const buffer = this.#spare.get(size)?.pop() ?? this.device.buffer(size);
    this.#used.push(buffer);
    return buffer;
  }

  /** A state to go back to. */
  mark(): number {
    return this.#used.length;
  }

  /** Gives back all that was allocated since the mark, but for `kept`, which now belongs to the scope around. */
  rewind(mark: number, kept?: GPUBuffer): void {
    for (const buffer of this.#used.splice(mark)) {
      if (buffer === kept) {
        this.#used.push(buffer);
        continue;
      }
      const spare = this.#spare.get(buffer.size);
      if (spare) spare.push(buffer);
      else this.#spare.set(buffer.size, [buffer]);
    }
  }
}
