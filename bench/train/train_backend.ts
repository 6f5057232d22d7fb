/** A wasm backend whose calls into the core may be counted. Knows no model. */
import { Arena } from "../../packages/runtime/src/backend/wasm/arena.ts";
import { type CoreVariant, startBestCore } from "../../packages/runtime/src/backend/wasm/core.ts";
import { createWasmBackend } from "../../packages/runtime/src/backend/wasm/backend.ts";
import { GradMemory } from "../../packages/runtime/src/backend/wasm/grad/grad_memory.ts";
import { WasmGradOps } from "../../packages/runtime/src/backend/wasm/grad/grad_ops.ts";
import { HelperThreads } from "../../packages/runtime/src/backend/wasm/helper_threads.ts";
import { WasmMemory } from "../../packages/runtime/src/backend/wasm/memory.ts";
import { ACTIVATION_BLOCK_BYTES, WasmOps } from "../../packages/runtime/src/backend/wasm/ops.ts";
import { StepTables } from "../../packages/runtime/src/backend/wasm/step_tables.ts";
import { WeightLoader } from "../../packages/runtime/src/backend/wasm/weight_loader.ts";
import type { TrainableBackend } from "../../packages/runtime/training.ts";
import { type Profile, timedExports } from "../export_times.ts";

/** A backend of so many threads; with a profile its calls into the core are counted there. */
export async function trainBackend(
  threads: number,
  variant?: CoreVariant,
  profile?: Profile,
): Promise<TrainableBackend> {
  if (!profile) return await createWasmBackend({ threads, variant });
  const core = await startBestCore(2 ** 32, variant);
  const helpers = await HelperThreads.start(core, threads - 1);
  const memory = new WasmMemory(core);
  const exports = timedExports(core.exports, memory, profile);
  const loader = new WeightLoader(exports, memory);
  const arena = new Arena(memory, ACTIVATION_BLOCK_BYTES);
  const tables = new StepTables(exports, memory, arena);
  const ops = new WasmOps(exports, memory, arena, tables);
  return {
    ...{ name: "wasm", variant: core.variant, numericsId: "timed", threads, ops },
    grad: new WasmGradOps(new GradMemory(exports, memory, arena, tables, ops)),
    loadWeight: (stored, read) => loader.loadWeight(stored, read),
    dequantize: (stored, read) => loader.dequantize(stored, read),
    loadVector: (stored, read) => loader.loadVector(stored, read),
    createCache: () => {
      throw new TypeError("A training step has no cache");
    },
    memoryBytes: () => core.memory.buffer.byteLength,
    close: () => Promise.resolve(helpers.close()),
  };
}
