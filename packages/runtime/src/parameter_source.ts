/** Hands a model file's tensors to an architecture: checks names and shapes, streams them into the backend. */
import { ByteHash } from "./byte_hash.ts";
import { ModelError } from "./errors.ts";
import type { LoadProgress } from "./events.ts";
import type { ByteSource, Gguf, TensorInfo } from "./gguf/mod.ts";
import type { ParameterSource } from "./model/language_model.ts";
import type { Backend, ReadTensor, StoredTensor } from "./ops.ts";
import type { Tensor, Weight } from "./tensor.ts";

/** Reports and cancels loading. */
export interface LoadHooks {
  readonly onProgress?: (progress: LoadProgress) => void;
  readonly signal?: AbortSignal;
}

/** `ParameterSource` over one GGUF file. */
export class GgufParameters implements ParameterSource {
  /** A hash over all bytes of each tensor that was loaded, by name. */
  readonly hashes = new Map<string, ByteHash>();
  readonly #unused: Set<string>;
  #totalBytes = 0;
  #loadedBytes = 0;

  constructor(
    private readonly gguf: Gguf,
    private readonly source: ByteSource,
    private readonly backend: Backend,
    private readonly hooks: LoadHooks,
  ) {
    this.#unused = new Set(gguf.tensors.keys());
    for (const { sizeBytes } of gguf.tensors.values()) this.#totalBytes += sizeBytes;
  }

  has(name: string): boolean {
    return this.gguf.tensors.has(name);
  }

  /** Leaves the tensors in the file whose names begin so. */
  leave(prefix: string): void {
    for (const { name, sizeBytes } of this.gguf.tensors.values()) {
      if (!name.startsWith(prefix) || !this.#unused.delete(name)) continue;
      this.#totalBytes -= sizeBytes;
    }
  }

  async matrix(name: string, rows: number, cols: number): Promise<Weight> {
    const info = this.#take(name, [cols, rows]);
    return await this.backend.loadWeight(stored(info, rows, cols), this.#reader(info));
  }

  async vector(name: string, size: number): Promise<Tensor> {
    const info = this.#take(name, [size]);
    return await this.backend.loadVector(stored(info, 1, size), this.#reader(info));
  }

  async bank(name: string, parts: number, rows: number, cols: number): Promise<Weight> {
    const info = this.#take(name, [cols, rows, parts]);
    const whole = { ...stored(info, parts * rows, cols), experts: parts };
    return await this.backend.loadWeight(whole, this.#reader(info));
  }

  async values(name: string, dims: readonly number[]): Promise<Float32Array> {
    const info = this.#take(name, [...dims].reverse());
    const rows = dims.slice(0, -1).reduce((product, size) => product * size, 1);
    const cols = dims[dims.length - 1];
    return await this.backend.dequantize(stored(info, rows, cols), this.#reader(info));
  }

  async made(
    name: string,
    values: Float32Array,
    parts: number,
    rows: number,
    cols: number,
  ): Promise<Weight> {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    const whole = {
      name,
      type: "F32",
      rows: parts * rows,
      cols,
      experts: parts,
      sizeBytes: bytes.length,
    };
    return await this.backend.loadWeight(whole, (offset, into) => {
      into.set(bytes.subarray(offset, offset + into.length));
      return Promise.resolve();
    });
  }

  /** @throws {ModelError} if the architecture has not used every tensor: its results would be wrong. */
  expectAllUsed(): void {
    const [first] = this.#unused;
    if (first === undefined) return;
    throw new ModelError(
      `Tensor ${first} is not known to this architecture (${this.#unused.size} such tensors): the file is of a variant that is not supported`,
    );
  }

  #take(name: string, dims: readonly number[]): TensorInfo {
    const info = this.gguf.tensors.get(name);
    if (!info) throw new ModelError(`Tensor ${name} is missing from ${this.gguf.sourceName}`);
    const fits = info.dims.every((n, i) => n === (dims[i] ?? 1)) && info.dims.length >= dims.length;
    if (!fits) {
      throw new ModelError(
        `Tensor ${name} has the shape [${info.dims}], the metadata asks for [${dims}]`,
      );
    }
    this.#unused.delete(name);
    return info;
  }

  #reader(info: TensorInfo): ReadTensor {
    const hash = new ByteHash();
    this.hashes.set(info.name, hash);
    return async (offset, into) => {
      const { signal, onProgress } = this.hooks;
      signal?.throwIfAborted();
      await this.source.read(info.offset + offset, into, signal);
      hash.add(into);
      this.#loadedBytes += into.length;
      onProgress?.({
        phase: "load",
        doneBytes: this.#loadedBytes,
        totalBytes: this.#totalBytes,
      });
    };
  }
}

function stored(info: TensorInfo, rows: number, cols: number): StoredTensor {
  return { name: info.name, type: info.type.name, rows, cols, sizeBytes: info.sizeBytes };
}
