/** Starts one of the three builds of the core and makes its memory. Chooses by feature test and numeric self-test; runs no op. */
import { UnsupportedError } from "../../errors.ts";
import { failureOf } from "./helper_failure.ts";
import { coreHash, coreModule, type CoreVariant, VARIANTS } from "./core_builds.ts";
import type { InitOutput } from "../../../wasm/core.d.ts";

export { type CoreVariant, VARIANTS };

/** The exports of core-rs as numbers in, numbers out; all artifacts have the same. */
export type CoreExports = InitOutput & { readonly memory?: WebAssembly.Memory };

/** What a helper thread needs to join: structured-cloneable. */
export interface CoreShare {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  /** Stack of each helper. */
  readonly stackBytes: number;
}

/** A running core: its exports, and what helpers need (`null` for the build without shared memory). */
export interface Core {
  readonly variant: CoreVariant;
  /** Tells one state of the build from another. */
  readonly hash: string;
  readonly exports: CoreExports;
  readonly memory: WebAssembly.Memory;
  readonly share: CoreShare | null;
}

const WASM_PAGE_BYTES = 65536;
/** Room for the module's own data and first stack; the memory grows from here. */
const INITIAL_PAGES = 64;
/** Calls of the self-test: enough that the optimizing tier is tested as well as the baseline. */
const PROBE_CALLS = 20_000;

/**
 * The instance of the engine's thread. wasm-bindgen's own glue keeps a single instance a process, but several models may run, so the
 * two things it does are done here: it fills the table of JS values and calls the start function. Of the core's own
 * imports, one throws a `ThreadError` through it, the others are for helpers.
 */
function instantiate(module: WebAssembly.Module, memory: WebAssembly.Memory | null): CoreExports {
  const imports: Record<string, Record<string, WebAssembly.ImportValue>> = {};
  const late: { exports?: CoreExports } = {};
  const helperLost = () => {
    if (late.exports && memory) throw failureOf(late.exports, memory);
  };
  for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
    imports[from] ??= {};
    if (kind === "memory" && memory) imports[from][name] = memory;
    else if (name === "helper_lost") imports[from][name] = helperLost;
    else if (from === "aha") imports[from][name] = () => 0; // for helpers
    else imports[from][name] = () => fillTable(late.exports?.__wbindgen_externrefs);
  }
  const exports = new WebAssembly.Instance(module, imports).exports as unknown as CoreExports;
  late.exports = exports;
  exports.__wbindgen_start(0);
  exports.let_caller_sleep(Number(maySleep()));
  return exports;
}

/** Everywhere but on a browser's main thread. */
function maySleep(): boolean {
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1); // unequal: returns at once where it is allowed
    return true;
  } catch {
    return false;
  }
}

/** The constants that wasm-bindgen expects in its table of JS values. */
function fillTable(table?: WebAssembly.Table): void {
  table?.set(0, undefined);
  [undefined, null, true, false].forEach((value, i) => table?.set(1024 + i, value));
}

/** Starts one named artifact, with a memory of at most `maxBytes`. */
export async function startCore(variant: CoreVariant, maxBytes: number): Promise<Core> {
  const module = await coreModule(variant);
  const hash = coreHash(module);
  if (variant === "simd") {
    const exports = instantiate(module, null);
    chooseByteDot(exports);
    return { variant, hash, exports, memory: exports.memory as WebAssembly.Memory, share: null };
  }
  const memory = new WebAssembly.Memory({
    initial: INITIAL_PAGES,
    maximum: Math.min(65536, Math.max(INITIAL_PAGES, Math.ceil(maxBytes / WASM_PAGE_BYTES))),
    shared: true,
  });
  const exports = instantiate(module, memory);
  chooseByteDot(exports);
  const share = { module, memory, stackBytes: exports.helper_stack_bytes() };
  return { variant, hash, exports, memory, share };
}

/**
 * Starts the best artifact this engine runs correctly.
 * @throws {UnsupportedError} when not even plain SIMD works.
 */
export async function startBestCore(maxBytes: number, only?: CoreVariant): Promise<Core> {
  const failures: string[] = [];
  for (const variant of only ? [only] : VARIANTS) {
    if (variant !== "simd" && typeof SharedArrayBuffer === "undefined") {
      failures.push(`${variant}: no SharedArrayBuffer (a page needs COOP and COEP headers)`);
      continue;
    }
    try {
      const core = await startCore(variant, maxBytes);
      if (isExact(core.exports)) return core;
      failures.push(`${variant}: this engine computes its dot product wrong`);
    } catch (error) {
      failures.push(`${variant}: ${(error as Error).message}`);
    }
  }
  throw new UnsupportedError(`No build of the core runs here: ${failures.join("; ")}`, "wasm-simd");
}

/** Some engines validate relaxed SIMD and compute it wrong in one of their tiers. */
function isExact(exports: CoreExports): boolean {
  for (let i = 0; i < PROBE_CALLS; i++) if (!exports.dot_probe()) return false;
  return true;
}

/** Kernels multiply whole bytes where this engine's dot takes them, in its baseline tier and in its optimizing one; results are the same. */
function chooseByteDot(exports: CoreExports): void {
  const kind = exports.byte_dot_probe();
  for (let i = 0; i < PROBE_CALLS; i++) if (exports.byte_dot_probe() !== kind) return;
  exports.use_byte_dot(kind);
}
