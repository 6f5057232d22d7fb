/** What is derived once from a batch or an activation and used by many ops of a step: positions, page tables, RoPE tables,
 * int8 activations. Lives in arenas and is forgotten with them; computes nothing itself. */
import type { Batch } from "../../batch.ts";
import { PAGE_TOKENS } from "../../kv_cache.ts";
import type { Rope } from "../../ops.ts";
import type { Tensor } from "../../tensor.ts";

/** Computes a value for a key at first use. */
class Memo<K extends object> {
  #values = new Map<K, number>();

  get(key: K, make: () => number): number {
    let value = this.#values.get(key);
    if (value === undefined) this.#values.set(key, value = make());
    return value;
  }

  clear(): void {
    if (this.#values.size > 0) this.#values = new Map();
  }
}

/** Addresses of derived data, by what they are derived from. */
export class StepMemo {
  readonly positions = new Memo<Batch>();
  readonly cachedTables = new Memo<Batch>();
  readonly activations = new Memo<Tensor>();
  readonly #ropeTables = new Map<Batch, Memo<Rope>>();

  ropeTable(batch: Batch, rope: Rope, make: () => number): number {
    let tables = this.#ropeTables.get(batch);
    if (!tables) this.#ropeTables.set(batch, tables = new Memo());
    return tables.get(rope, make);
  }

  /** To be called when activations are freed. */
  forgetActivations(): void {
    this.activations.clear();
  }

  /** To be called when what was derived from batches is freed. */
  forgetBatches(): void {
    this.positions.clear();
    this.cachedTables.clear();
    this.#ropeTables.clear();
  }
}

/** Each row's position in its sequence, `[rows]`. */
export function rowPositions(batch: Batch): Int32Array {
  const positions = new Int32Array(batch.rows);
  for (const { start, length, firstPosition } of batch.segments) {
    for (let i = 0; i < length; i++) positions[start + i] = firstPosition + i;
  }
  return positions;
}

/** Pages that hold the tokens before `end`. */
export function pagesFor(end: number): number {
  return Math.ceil(end / PAGE_TOKENS);
}
