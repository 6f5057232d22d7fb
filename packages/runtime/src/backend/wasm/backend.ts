/** The wasm backend: a core, its memory and helper threads behind the `Backend` interface. Knows no model. */
import { KvCache, type KvShape, pageBytes } from "../../kv_cache.ts";
import type { TrainableBackend } from "../grad_ops.ts";
import { Arena } from "./arena.ts";
import { type CoreVariant, startBestCore } from "./core.ts";
import { GradMemory } from "./grad/grad_memory.ts";
import { WasmGradOps } from "./grad/grad_ops.ts";
import { HelperThreads } from "./helper_threads.ts";
import { WasmMemory } from "./memory.ts";
import { ACTIVATION_BLOCK_BYTES, WasmOps } from "./ops.ts";
import { StepTables } from "./step_tables.ts";
import { WeightLoader } from "./weight_loader.ts";

/** Options of the wasm backend. */
export interface WasmBackendOptions {
  /** Threads that share the work, the caller's included; never more than the cores. Default: the cores. */
  readonly threads?: number;
  /** Most bytes the memory may grow to (at most 4 GiB). */
  readonly maxBytes?: number;
  /** Takes this artifact instead of the best that runs. */
  readonly variant?: CoreVariant;
}

const WASM32_BYTES = 2 ** 32;

/** Most threads that are started unasked: more was never measured. */
const MOST_DEFAULT_THREADS = 32;

/**
 * Cores this process may use. Deno, and Node with libuv 1.49 or later, count those of the affinity mask and of the
 * control group's quota (`cpu.max`, `cpu.cfs_quota_us`), rounded down.
 */
export function coreCount(): number {
  return globalThis.navigator?.hardwareConcurrency ?? 1;
}

/**
 * Starts the core and its helper threads.
 * @throws {UnsupportedError} when no artifact runs here.
 */
export async function createWasmBackend(
  options: WasmBackendOptions = {},
): Promise<TrainableBackend> {
  const core = await startBestCore(options.maxBytes ?? WASM32_BYTES, options.variant);
  const wanted = threadCount(options.threads);
  const helpers = await HelperThreads.start(core, wanted - 1);
  const memory = new WasmMemory(core);
  const loader = new WeightLoader(core.exports, memory);
  const arena = new Arena(memory, ACTIVATION_BLOCK_BYTES);
  const tables = new StepTables(core.exports, memory, arena);
  const ops = new WasmOps(core.exports, memory, arena, tables);
  const fma = core.exports.fma_probe() ? "+fma" : "";
  return {
    name: "wasm",
    variant: core.variant,
    numericsId: `${core.variant}${fma}/${core.hash}`,
    threads: core.share ? wanted : 1,
    ops,
    grad: new WasmGradOps(new GradMemory(core.exports, memory, arena, tables, ops)),
    loadWeight: (stored, read) => loader.loadWeight(stored, read),
    dequantize: (stored, read) => loader.dequantize(stored, read),
    loadVector: (stored, read) => loader.loadVector(stored, read),
    createCache: (shape, maxPages) => new KvCache(shape, pageStore(memory, shape), maxPages),
    memoryBytes: () => core.memory.buffer.byteLength,
    close: () => {
      helpers.close();
      return Promise.resolve();
    },
  };
}

/** Threads to run where `asked` are asked for: on more than the cores, each job would wait for threads that wait their turn. */
export function threadCount(asked: number = MOST_DEFAULT_THREADS, cores = coreCount()): number {
  return Math.max(1, Math.min(asked, cores));
}

/** Pages as blocks of wasm memory; released ones are kept for the next. */
function pageStore(memory: WasmMemory, shape: KvShape) {
  const bytes = pageBytes(shape);
  const spare: number[] = [];
  return {
    allocate: (): number => spare.pop() ?? memory.allocate(bytes),
    release: (page: number): void => void spare.push(page),
    copy: (from: number, to: number): void => memory.copy(from, to, bytes),
    read: (page: number) => Promise.resolve(new Uint8Array(memory.bytes(page, bytes))),
    trim: (): void => spare.splice(0).forEach((page) => memory.release(page)),
    write: (page: number, from: Uint8Array): void => memory.bytes(page, bytes).set(from),
  };
}
