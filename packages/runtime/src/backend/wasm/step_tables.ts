/** What a step's ops derive from its batch, once: positions, page tables, RoPE tables. They live until the outermost scope
 * closes; pages that no cache has live in the arena of activations. Computes nothing itself. */
import type { Batch, Segment } from "../../batch.ts";
import { type KvCache, type KvShape, PAGE_TOKENS, pageBytes } from "../../kv_cache.ts";
import type { Rope } from "../../ops.ts";
import { Arena, ARENA_START } from "./arena.ts";
import type { CoreExports } from "./core.ts";
import type { WasmMemory } from "./memory.ts";
import { addressOf } from "./storage.ts";

const STEP_BLOCK_BYTES = 256 << 10;

/** Computes a value for a key at first use. */
export class Memo<K extends object> {
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

/** Addresses of derived tables, by what they are derived from. */
export class StepTables {
  readonly #positions = new Memo<Batch>();
  readonly #cachedTables = new Memo<Batch>();
  readonly #ropeTables = new Map<Batch, Memo<Rope>>();
  readonly #arena: Arena;

  constructor(
    private readonly core: CoreExports,
    private readonly memory: WasmMemory,
    private readonly activations: Arena,
  ) {
    this.#arena = new Arena(memory, STEP_BLOCK_BYTES);
  }

  /** Frees all tables; to be called when no op of the step is to come. */
  forget(): void {
    this.#positions.clear();
    this.#cachedTables.clear();
    this.#ropeTables.clear();
    this.#arena.rewind(ARENA_START);
  }

  /** Each row's position, i32 `[rows]`. */
  positions(batch: Batch): number {
    return this.#positions.get(batch, () => this.#i32(rowPositions(batch), this.#arena));
  }

  /** (cos, sin) of each row and pair, f32 `[rows, rotarySize / 2, 2]`. */
  ropeTable(batch: Batch, rope: Rope): number {
    let tables = this.#ropeTables.get(batch);
    if (!tables) this.#ropeTables.set(batch, tables = new Memo());
    return tables.get(rope, () => this.#ropeTable(batch, rope));
  }

  /** For each row the address of its sequence's list of pages; without a cache they are of shape `own`. */
  pageTables(batch: Batch, cache: KvCache | null, own: KvShape): number {
    if (!cache) return this.#ownTables(batch, own);
    return this.#cachedTables.get(batch, () => this.#tables(batch, this.#arena, cachedPages));
  }

  #ropeTable(batch: Batch, rope: Rope): number {
    const half = rope.rotarySize / 2;
    const table = this.#arena.allocate(8 * batch.rows * half);
    const factors = rope.frequencyFactors ? addressOf(rope.frequencyFactors) : 0;
    // deno-fmt-ignore
    const status = this.core.rope_table(
      this.positions(batch), factors, table, batch.rows, half, rope.base, rope.magnitude ?? 1,
    );
    if (status !== 0) throw new RangeError(`The core refused ropeTable: status ${status}`);
    return table;
  }

  /** Pages in the arena for segments that bring all their keys along. */
  #ownTables(batch: Batch, shape: KvShape): number {
    const bytes = pageBytes(shape);
    return this.#tables(batch, this.activations, ({ firstPosition, length }) => {
      if (firstPosition !== 0) throw new RangeError("A segment without a cache starts at 0");
      return Array.from({ length: pagesFor(length) }, () => this.activations.allocate(bytes));
    });
  }

  #tables(batch: Batch, arena: Arena, pagesOf: (segment: Segment) => number[]): number {
    const rows = new Int32Array(batch.rows);
    for (const segment of batch.segments) {
      const list = this.#i32(pagesOf(segment), arena);
      rows.fill(list, segment.start, segment.start + segment.length);
    }
    return this.#i32(rows, arena);
  }

  #i32(values: ArrayLike<number>, arena: Arena): number {
    const address = arena.allocate(4 * values.length);
    this.memory.writeI32(address, values);
    return address;
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

function cachedPages({ sequence, firstPosition, length }: Segment): number[] {
  if (!sequence) throw new TypeError("A segment without a sequence cannot use the cache");
  const pages = pagesFor(firstPosition + length);
  if (sequence.pages.length < pages) {
    throw new RangeError(
      `The sequence has ${sequence.pages.length} pages of ${PAGE_TOKENS} tokens, ${pages} are needed: extend it first`,
    );
  }
  return sequence.pages.slice(0, pages);
}
