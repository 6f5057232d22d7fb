/** Where the backward passes on wasm work: the core, and room for results in the arena of its ops. Checks and computes nothing. */
import { elementCount } from "../../../tensor.ts";
import type { Arena } from "../arena.ts";
import type { CoreExports } from "../core.ts";
import type { WasmMemory } from "../memory.ts";
import type { WasmOps } from "../ops.ts";
import type { StepTables } from "../step_tables.ts";
import { type WasmTensor, wasmTensor } from "../storage.ts";

/** The core and its memory, shared with `ops`. */
export class GradMemory {
  constructor(
    readonly core: CoreExports,
    readonly memory: WasmMemory,
    readonly arena: Arena,
    readonly tables: StepTables,
    readonly ops: WasmOps,
  ) {}

  /** A new tensor in the innermost scope. */
  f32(shape: readonly number[]): WasmTensor {
    return wasmTensor("f32", shape, this.arena.allocate(4 * elementCount(shape)));
  }

  /** Address of a copy of whole numbers in the innermost scope. */
  i32(values: ArrayLike<number>): number {
    const address = this.arena.allocate(4 * values.length);
    this.memory.writeI32(address, values);
    return address;
  }
}
