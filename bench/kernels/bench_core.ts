/** A running core with its helper threads and places in its memory, for timing exports. Knows no kernel. */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { provideCore } from "@aha/runtime";
import {
  type Core,
  type CoreExports,
  type CoreVariant,
  startCore,
} from "../../packages/runtime/src/backend/wasm/core.ts";
import { HelperThreads } from "../../packages/runtime/src/backend/wasm/helper_threads.ts";

const MEMORY_BYTES = 2 ** 32;
/** Helpers sleep after about a millisecond without work; a busy machine may take longer. */
const SETTLE_MS = 20;

/** From now on builds come from this folder's `relaxed_threads.wasm` and so on; cores that run already stay as they are. */
export function takeBuildsFrom(folder: string): void {
  const url = (variant: CoreVariant): URL => pathToFileURL(join(folder, `${variant}.wasm`));
  provideCore({
    ...{ relaxed_threads: url("relaxed_threads"), simd_threads: url("simd_threads") },
    simd: url("simd"),
  });
}

/** A core of a number of threads. Close it: helpers end with it. */
export class BenchCore {
  readonly exports: CoreExports;
  readonly #places = new Map<number, number>();

  private constructor(
    private readonly core: Core,
    readonly threads: number,
    private readonly helpers: HelperThreads,
  ) {
    this.exports = core.exports;
  }

  /** @throws {RangeError} where the build has no threads, or not so many arrive. */
  static async start(variant: CoreVariant, threads: number): Promise<BenchCore> {
    const core = await startCore(variant, MEMORY_BYTES);
    if (threads > 1 && !core.share) throw new RangeError(`The build ${variant} runs 1 thread only`);
    const bench = new BenchCore(core, threads, await HelperThreads.start(core, threads - 1));
    for (let turn = 0; core.exports.thread_count() < threads; turn++) {
      if (turn === 1000) throw new RangeError(`Of ${threads} threads not all arrived`);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    return bench;
  }

  /** Address of room that lasts until `clear`. */
  room(bytes: number): number {
    const address = this.exports.allocate(bytes) >>> 0;
    if (address === 0) throw new RangeError(`The core has no room for ${bytes} bytes more`);
    this.#places.set(address, bytes);
    return address;
  }

  /** Address of a copy of these numbers. */
  place(values: Float32Array | Int32Array | Uint8Array | Uint16Array): number {
    const address = this.room(values.byteLength);
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    new Uint8Array(this.core.memory.buffer, address, bytes.length).set(bytes);
    return address;
  }

  /** A copy of the numbers at an address. */
  read(address: number, count: number): Float32Array {
    return new Float32Array(this.core.memory.buffer, address, count).slice();
  }

  /** Gives back all room. */
  clear(): void {
    for (const [address, bytes] of this.#places) this.exports.release(address, bytes);
    this.#places.clear();
  }

  /** Waits until the helpers sleep, so that they take no time from another core. */
  async settle(): Promise<void> {
    const end = performance.now() + SETTLE_MS;
    while (this.exports.sleeper_count() < this.threads - 1 && performance.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  close(): void {
    this.helpers.close();
  }
}
