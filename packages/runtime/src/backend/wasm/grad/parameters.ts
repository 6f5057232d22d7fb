/** Parameters, gradients and moments in the wasm memory, which live outside of scopes: made, filled, read. Computes nothing. */
import { ModelError, UnsupportedError } from "../../../errors.ts";
import type { Gradient } from "../../grad_ops.ts";
import { elementCount, type Tensor, type Weight } from "../../../tensor.ts";
import type { CoreExports } from "../core.ts";
import type { WasmMemory } from "../memory.ts";
import { expectDone, expectSize } from "../ops.ts";
import { addressOf, packedOf, wasmTensor, type WasmWeight } from "../storage.ts";
import { PACKED_TYPES, TILE_ROWS } from "../weight_loader.ts";

const F32 = PACKED_TYPES.F32;
/** Bytes of rows that are moved at a time. */
const STAGING_BYTES = 1 << 20;
const STATUS_NON_FINITE = 2;

/** How numbers of a parameter stand in the memory. */
export interface Arrangement {
  /** Rows of each of `parts` matrices, each in whole tiles; missing for a vector. */
  readonly rows?: number;
  readonly cols: number;
  readonly parts: number;
  /** Numbers, those that fill tiles up included. */
  readonly count: number;
}

/** A gradient of this backend. */
export interface WasmGradient extends Gradient {
  readonly storage: Arrangement & { readonly address: number };
}

/** Where a gradient of this backend stands, and how. */
export function placeOf(gradient: Gradient): WasmGradient["storage"] {
  return (gradient as WasmGradient).storage;
}

/** A vector, or a matrix in tiles: `parts` of them where their rows are not whole tiles. */
function arrangementOf(of: Weight | Tensor): Arrangement {
  if (!isWeight(of)) {
    const count = elementCount(of.shape);
    return { cols: count, parts: 1, count };
  }
  return inTiles(of.rows, of.cols, packedOf(of).parts);
}

function inTiles(rows: number, cols: number, matrices = 1): Arrangement {
  const parts = (rows / matrices) % TILE_ROWS === 0 ? 1 : matrices;
  const own = rows / parts;
  const count = parts * Math.ceil(own / TILE_ROWS) * TILE_ROWS * cols;
  return { rows: own, cols, parts, count };
}

function isWeight(of: Weight | Tensor): of is Weight {
  return "cols" in of;
}

/** Where an F32 parameter stands. @throws {UnsupportedError} for a weight of another format */
export function trainedAddress(parameter: Weight | Tensor): number {
  if (!isWeight(parameter)) return addressOf(parameter);
  if (parameter.type === "F32") return packedOf(parameter).address;
  throw new UnsupportedError(
    `${parameter.name} is stored as ${parameter.type}, only F32 weights can be written and trained`,
    parameter.type,
  );
}

/** Makes and moves parameters and gradients. */
export class ParameterStore {
  constructor(private readonly core: CoreExports, private readonly memory: WasmMemory) {}

  createGradient(of: Weight | Tensor): WasmGradient {
    const arrangement = arrangementOf(of);
    const address = this.memory.allocate(4 * Math.max(1, arrangement.count));
    const shape = isWeight(of) ? [of.rows, of.cols] : of.shape;
    const gradient: WasmGradient = { shape, storage: { ...arrangement, address } };
    this.zero(gradient);
    return gradient;
  }

  zero(gradient: Gradient): void {
    const { address, count } = placeOf(gradient);
    this.memory.f32(address, count).fill(0);
  }

  free(gradient: Gradient): void {
    this.memory.release(placeOf(gradient).address);
  }

  readGradient(gradient: Gradient): Float32Array {
    const place = placeOf(gradient);
    return this.#read(place, place.address, F32.id);
  }

  createWeight(
    name: string,
    rows: number,
    cols: number,
    values: Float32Array,
    matrices = 1,
  ): Weight {
    const arrangement = inTiles(rows, cols, matrices);
    const address = this.memory.allocate(4 * arrangement.count);
    const storage = { address, typeId: F32.id, quantized: false, parts: matrices };
    const weight: WasmWeight = { name, type: "F32", rows, cols, storage };
    try {
      this.write(weight, values);
    } catch (error) {
      this.memory.release(address);
      throw error;
    }
    return weight;
  }

  createVector(values: Float32Array): Tensor {
    const address = this.memory.allocate(4 * values.length);
    this.memory.f32(address, values.length).set(values);
    return wasmTensor("f32", [values.length], address);
  }

  write(parameter: Weight | Tensor, values: Float32Array): void {
    const address = trainedAddress(parameter);
    const name = isWeight(parameter) ? parameter.name : `[${parameter.shape}]`;
    this.#write(arrangementOf(parameter), address, values, `the parameter ${name}`);
  }

  writeGradient(gradient: Gradient, values: Float32Array): void {
    const place = placeOf(gradient);
    this.#write(place, place.address, values, `a gradient [${gradient.shape}]`);
  }

  #write(
    { rows, cols, parts, count }: Arrangement,
    address: number,
    values: Float32Array,
    what: string,
  ): void {
    expectSize(what, values.length, rows === undefined ? cols : parts * rows * cols);
    if (!values.every(Number.isFinite)) {
      throw new ModelError(`A value for ${what} is not finite`);
    }
    if (rows === undefined) {
      this.memory.f32(address, cols).set(values);
      return;
    }
    for (let part = 0; part < parts; part++) {
      const own = values.subarray(part * rows * cols, (part + 1) * rows * cols);
      this.#pack(own, rows, cols, address + part * (4 * count / parts));
    }
  }

  read(parameter: Weight | Tensor): Float32Array {
    const arrangement = arrangementOf(parameter);
    if (!isWeight(parameter)) return this.#read(arrangement, addressOf(parameter), F32.id);
    const { address, typeId } = packedOf(parameter);
    return this.#read(arrangement, address, typeId);
  }

  /** Rows into tiles, as many at a time as the staging holds. */
  #pack(values: Float32Array, rows: number, cols: number, to: number): void {
    const rowsAtOnce = TILE_ROWS * Math.max(1, Math.floor(STAGING_BYTES / (4 * cols * TILE_ROWS)));
    const staging = this.memory.allocate(4 * Math.min(rows, rowsAtOnce) * cols);
    try {
      for (let row = 0; row < rows; row += rowsAtOnce) {
        const count = Math.min(rowsAtOnce, rows - row);
        const part = values.subarray(row * cols, (row + count) * cols);
        this.memory.f32(staging, part.length).set(part);
        const tiles = Math.ceil(count / TILE_ROWS);
        const inLast = count - (tiles - 1) * TILE_ROWS;
        const at = to + 4 * row * cols;
        const status = this.core.pack_rows(F32.id, staging, at, tiles, cols, inLast);
        if (status === STATUS_NON_FINITE) throw new ModelError("A value is not finite");
        expectDone("writeParameter", status);
      }
    } finally {
      this.memory.release(staging);
    }
  }

  #read({ rows, cols, parts }: Arrangement, address: number, typeId: number): Float32Array {
    if (rows === undefined) return this.memory.f32(address, cols).slice();
    const out = new Float32Array(parts * rows * cols);
    const partBytes = this.core.packed_bytes(typeId, rows, cols) >>> 0;
    const rowsAtOnce = Math.min(rows, Math.max(1, Math.floor(STAGING_BYTES / (4 * cols))));
    const values = this.memory.allocate(4 * rowsAtOnce * cols);
    const ids = this.memory.allocate(4 * rowsAtOnce);
    for (let part = 0; part < parts; part++) {
      for (let row = 0; row < rows; row += rowsAtOnce) {
        const count = Math.min(rowsAtOnce, rows - row);
        this.memory.writeI32(ids, Array.from({ length: count }, (_, i) => row + i));
        const from = address + part * partBytes;
        expectDone("read", this.core.embed(typeId, ids, from, values, count, cols, rows));
        out.set(this.memory.f32(values, count * cols), (part * rows + row) * cols);
      }
    }
    this.memory.release(ids);
    this.memory.release(values);
    return out;
  }
}
