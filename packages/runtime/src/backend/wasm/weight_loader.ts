/** Streams stored tensors into the wasm memory: matrices and banks of experts into packed tiles, vectors to f32. */
import { ModelError, UnsupportedError } from "../../errors.ts";
import type { ReadTensor, StoredTensor } from "../../ops.ts";
import type { Tensor, Weight } from "../../tensor.ts";
import type { CoreExports } from "./core.ts";
import type { WasmMemory } from "./memory.ts";
import { wasmTensor, type WasmWeight } from "./storage.ts";

/** Weight rows in a tile of the packed layout. */
export const TILE_ROWS = 8;
/** Bytes of the file that are staged at a time; the buffer stays, so it is small beside any model. */
const STAGING_BYTES = 1 << 20;
const STATUS_NON_FINITE = 2;

/** A block format as the packed layout knows it. */
export interface PackedType {
  readonly id: number;
  readonly blockSize: number;
  readonly blockBytes: number;
  readonly quantized: boolean;
}

/** The formats that the core has kernels for. */
export const PACKED_TYPES: Readonly<Record<string, PackedType>> = {
  F32: { id: 0, blockSize: 1, blockBytes: 4, quantized: false },
  F16: { id: 1, blockSize: 1, blockBytes: 2, quantized: false },
  BF16: { id: 30, blockSize: 1, blockBytes: 2, quantized: false },
  Q4_0: { id: 2, blockSize: 32, blockBytes: 18, quantized: true },
  Q4_1: { id: 3, blockSize: 32, blockBytes: 20, quantized: true },
  Q5_0: { id: 6, blockSize: 32, blockBytes: 22, quantized: true },
  Q5_1: { id: 7, blockSize: 32, blockBytes: 24, quantized: true },
  Q8_0: { id: 8, blockSize: 32, blockBytes: 34, quantized: true },
  Q2_K: { id: 10, blockSize: 256, blockBytes: 84, quantized: true },
  Q3_K: { id: 11, blockSize: 256, blockBytes: 110, quantized: true },
  Q4_K: { id: 12, blockSize: 256, blockBytes: 144, quantized: true },
  Q5_K: { id: 13, blockSize: 256, blockBytes: 176, quantized: true },
  Q6_K: { id: 14, blockSize: 256, blockBytes: 210, quantized: true },
  IQ1_S: { id: 19, blockSize: 256, blockBytes: 50, quantized: true },
  IQ1_M: { id: 29, blockSize: 256, blockBytes: 56, quantized: true },
  IQ2_XXS: { id: 16, blockSize: 256, blockBytes: 66, quantized: true },
  IQ2_XS: { id: 17, blockSize: 256, blockBytes: 74, quantized: true },
  IQ2_S: { id: 22, blockSize: 256, blockBytes: 82, quantized: true },
  IQ3_XXS: { id: 18, blockSize: 256, blockBytes: 98, quantized: true },
  IQ3_S: { id: 21, blockSize: 256, blockBytes: 110, quantized: true },
  IQ4_NL: { id: 20, blockSize: 32, blockBytes: 18, quantized: true },
  IQ4_XS: { id: 23, blockSize: 256, blockBytes: 136, quantized: true },
  TQ1_0: { id: 34, blockSize: 256, blockBytes: 54, quantized: true },
  TQ2_0: { id: 35, blockSize: 256, blockBytes: 66, quantized: true },
};

/** Loads tensors one after the other through one staging buffer. */
export class WeightLoader {
  #staging = 0;
  #stagingBytes = 0;

  constructor(private readonly core: CoreExports, private readonly memory: WasmMemory) {}

  /**
   * A matrix `[rows, cols]` in tiles of 8 rows, the last one filled up with zero rows; of a bank each expert's last one, so
   * that every expert begins with a tile.
   */
  async loadWeight(stored: StoredTensor, read: ReadTensor): Promise<Weight> {
    const type = packedType(stored);
    const { name, rows, cols, experts = 1 } = stored;
    const rowBytes = bytesOfRow(stored, type);
    if (rows % experts !== 0) {
      throw new ModelError(`Tensor ${name} of ${rows} rows does not hold ${experts} experts`);
    }
    const ownRows = rows / experts;
    // Experts of whole tiles stand in the file as one matrix does.
    const parts = ownRows % TILE_ROWS === 0 ? 1 : experts;
    const partTiles = Math.ceil(rows / parts / TILE_ROWS);
    const address = this.memory.allocate(parts * partTiles * TILE_ROWS * rowBytes);
    for (let part = 0; part < parts; part++) {
      const to = address + part * partTiles * TILE_ROWS * rowBytes;
      const first = part * (rows / parts) * rowBytes;
      const readPart: ReadTensor = (offset, into) => read(first + offset, into);
      await this.#pack(stored, type, rows / parts, to, readPart);
    }
    const storage = { address, typeId: type.id, quantized: type.quantized, parts: experts };
    const weight: WasmWeight = { name, type: stored.type, rows, cols, storage };
    return weight;
  }

  /** Packs `rows` rows to `address`, as many tiles at a time as the staging buffer holds. */
  async #pack(
    { name, cols }: StoredTensor,
    type: PackedType,
    rows: number,
    address: number,
    read: ReadTensor,
  ): Promise<void> {
    const rowBytes = (cols / type.blockSize) * type.blockBytes;
    const tiles = Math.ceil(rows / TILE_ROWS);
    const tileBytes = TILE_ROWS * rowBytes;
    const tilesAtOnce = Math.max(1, Math.floor(STAGING_BYTES / tileBytes));
    const staging = this.#stage(Math.min(tilesAtOnce, tiles) * tileBytes);
    for (let tile = 0; tile < tiles; tile += tilesAtOnce) {
      const count = Math.min(tilesAtOnce, tiles - tile);
      const firstRow = tile * TILE_ROWS;
      const rowCount = Math.min(rows - firstRow, count * TILE_ROWS);
      await read(firstRow * rowBytes, this.memory.bytes(staging, rowCount * rowBytes));
      const to = address + tile * tileBytes;
      const inLast = rowCount - (count - 1) * TILE_ROWS;
      const status = this.core.pack_rows(type.id, staging, to, count, cols, inLast);
      if (status === STATUS_NON_FINITE) throw nonFinite(name);
      if (status !== 0) throw new RangeError(`The core refused to pack ${name}: status ${status}`);
    }
  }

  /** The values of a matrix `[rows, cols]`, of which nothing stays in the memory. */
  async dequantize(stored: StoredTensor, read: ReadTensor): Promise<Float32Array> {
    const type = packedType(stored);
    const { name, rows, cols } = stored;
    const rowBytes = bytesOfRow(stored, type);
    const out = new Float32Array(rows * cols);
    const rowsAtOnce = Math.min(rows, Math.max(1, Math.floor(STAGING_BYTES / (4 * cols))));
    const staging = this.#stage(rowsAtOnce * rowBytes);
    const values = this.memory.allocate(4 * rowsAtOnce * cols);
    try {
      for (let row = 0; row < rows; row += rowsAtOnce) {
        const count = Math.min(rowsAtOnce, rows - row);
        await read(row * rowBytes, this.memory.bytes(staging, count * rowBytes));
        const status = this.core.dequantize_scalar(type.id, staging, values, count, cols);
        if (status !== 0) throw new RangeError(`The core refused ${name}: status ${status}`);
        out.set(this.memory.f32(values, count * cols), row * cols);
      }
    } finally {
      this.memory.release(values);
    }
    if (!out.every(Number.isFinite)) throw nonFinite(name);
    return out;
  }

  /** A vector `[cols]` as f32. */
  async loadVector(stored: StoredTensor, read: ReadTensor): Promise<Tensor> {
    if (stored.type !== "F32") {
      throw new UnsupportedError(
        `Tensor ${stored.name} is stored as ${stored.type}, only F32 vectors are supported`,
        stored.type,
      );
    }
    const address = this.memory.allocate(4 * stored.cols);
    await read(0, this.memory.bytes(address, 4 * stored.cols));
    if (!this.memory.f32(address, stored.cols).every(Number.isFinite)) throw nonFinite(stored.name);
    return wasmTensor("f32", [stored.cols], address);
  }

  #releaseStaging(): void {
    if (this.#staging !== 0) this.memory.release(this.#staging);
    this.#staging = this.#stagingBytes = 0;
  }

  #stage(bytes: number): number {
    if (bytes > this.#stagingBytes) {
      this.#releaseStaging();
      this.#staging = this.memory.allocate(bytes);
      this.#stagingBytes = bytes;
    }
    return this.#staging;
  }
}

/**
 * Bytes of a tensor that takes `sizeBytes` in a file, dims innermost first, once it is packed: each matrix of it in whole
 * tiles, a vector as it is.
 */
export function packedBytes(dims: readonly number[], sizeBytes: number): number {
  const [, rows] = dims;
  return dims.length < 2 ? sizeBytes : sizeBytes / rows * Math.ceil(rows / TILE_ROWS) * TILE_ROWS;
}

function packedType(stored: StoredTensor): PackedType {
  const type = PACKED_TYPES[stored.type];
  if (type) return type;
  const known = Object.keys(PACKED_TYPES).join(" ");
  throw new UnsupportedError(
    `Tensor ${stored.name} is stored as ${stored.type}, which is not supported yet (supported: ${known})`,
    stored.type,
  );
}

function bytesOfRow(stored: StoredTensor, type: PackedType): number {
  const rowBytes = (stored.cols / type.blockSize) * type.blockBytes;
  if (stored.cols % type.blockSize !== 0 || rowBytes * stored.rows !== stored.sizeBytes) {
    throw new ModelError(
      `Tensor ${stored.name} [${stored.rows}, ${stored.cols}] of ${stored.type} cannot have ${stored.sizeBytes} bytes`,
    );
  }
  return rowBytes;
}

function nonFinite(name: string): ModelError {
  return new ModelError(
    `Tensor ${name} holds a value that is not finite: the file is damaged or badly converted`,
  );
}
