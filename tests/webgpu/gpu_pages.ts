/** Where keys and values live on the device: one buffer a layer, pages by number. Knows no sequence. */
import { UnsupportedError } from "../../packages/runtime/src/errors.ts";
import type { KvShape, PageStore } from "../../packages/runtime/src/kv_cache.ts";
import { pageFloats } from "./attention_kernels.ts";
import type { GpuDevice, GpuSlice } from "./device.ts";

const FIRST_PAGES = 8;

/** Grows by doubling, since a cache need not say how large it may become. */
export class GpuPages implements PageStore {
  readonly #pageBytes: number;
  readonly #spare: number[] = [];
  #layers: GPUBuffer[];
  #scratch: GPUBuffer;
  #capacity = FIRST_PAGES;
  #made = 0;

  constructor(private readonly device: GpuDevice, shape: KvShape) {
    if (shape.type !== "f32" || shape.valueSize === 0) {
      throw new UnsupportedError(
        `A cache of ${shape.type} with values of ${shape.valueSize} is not in this spike: f32 and values of their own are`,
        "webgpu-cache",
      );
    }
    this.#pageBytes = 4 * pageFloats(shape);
    this.#layers = Array.from({ length: shape.layers }, () => this.#room(FIRST_PAGES));
    this.#scratch = this.#room(1);
  }

  layer(index: number): GpuSlice {
    return { buffer: this.#layers[index], sizeBytes: this.#capacity * this.#pageBytes };
  }

  allocate(): number {
    const page = this.#spare.pop();
    if (page !== undefined) return page;
    if (this.#made === this.#capacity) this.#grow();
    return this.#made++;
  }

  release(page: number): void {
    this.#spare.push(page);
  }

  /** By way of a scratch page: WebGPU copies nothing within a buffer. */
  copy(from: number, to: number): void {
    const bytes = this.#pageBytes;
    for (const layer of this.#layers) {
      this.device.copy(layer, from * bytes, this.#scratch, 0, bytes);
      this.device.copy(this.#scratch, 0, layer, to * bytes, bytes);
    }
  }

  read(): Promise<Uint8Array<ArrayBuffer>> {
    return Promise.reject(
      new UnsupportedError("Reading pages is not in this spike", "webgpu-cache"),
    );
  }

  write(): void {
    throw new UnsupportedError("Writing pages is not in this spike", "webgpu-cache");
  }

  #grow(): void {
    const bytes = this.#capacity * this.#pageBytes;
    this.#capacity *= 2;
    this.#layers = this.#layers.map((old) => {
      const layer = this.#room(this.#capacity);
      this.device.copy(old, 0, layer, 0, bytes);
      this.device.destroy(old);
      return layer;
    });
  }

  #room(pages: number): GPUBuffer {
    return this.device.buffer(pages * this.#pageBytes);
  }
}
