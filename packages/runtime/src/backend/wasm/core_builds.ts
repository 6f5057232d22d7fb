/** Where the three builds of the core come from: the files beside the module, or what a program brings along. Runs none. */
import { hexHash } from "../../byte_hash.ts";
import { builtin, isNodeLike } from "../../host.ts";

/** Names of the builds, best first. */
export const VARIANTS = ["relaxed_threads", "simd_threads", "simd"] as const;

/** Which build of core-rs runs. */
export type CoreVariant = typeof VARIANTS[number];

/** A build as a program may bring it: compiled, as bytes, or where to fetch it. */
export type CoreBuild = WebAssembly.Module | BufferSource | URL;

/** Builds by name; a function is called when its build is needed. */
export type CoreBuilds = {
  readonly [variant in CoreVariant]?: CoreBuild | (() => CoreBuild | Promise<CoreBuild>);
};

const provided: { -readonly [variant in CoreVariant]?: CoreBuilds[variant] } = {};
const modules = new Map<CoreVariant, Promise<WebAssembly.Module>>();
const hashes = new WeakMap<WebAssembly.Module, string>();

/**
 * Takes builds of the core from the program instead of from the files beside this module: for programs in one file, without
 * read permission, or bundled by a tool that does not copy what `new URL(..., import.meta.url)` names. Models loaded
 * from now on use them. `import "@aha/runtime/embedded"` does it with all three inside.
 *
 * @example
 * ```ts
 * import { provideCore } from "@aha/runtime";
 * provideCore({ simd: new URL("https://example.com/aha/simd.wasm") });
 * ```
 */
export function provideCore(builds: CoreBuilds): void {
  for (const variant of VARIANTS) {
    if (!builds[variant]) continue;
    provided[variant] = builds[variant];
    modules.delete(variant);
  }
}

/**
 * A build, compiled once a process.
 * @throws {Error} if it cannot be read or does not compile here
 */
export function coreModule(variant: CoreVariant): Promise<WebAssembly.Module> {
  let module = modules.get(variant);
  if (!module) {
    module = compile(variant);
    module.catch(() => modules.delete(variant));
    modules.set(variant, module);
  }
  return module;
}

/**
 * What tells one state of a build from another: a hash of its bytes. A module that the program brought compiled keeps
 * no bytes; it is told by the names of its imports and exports only.
 */
export function coreHash(module: WebAssembly.Module): string {
  const { Module } = WebAssembly;
  const names = () => JSON.stringify([Module.imports(module), Module.exports(module)]);
  return hashes.get(module) ?? hexHash(new TextEncoder().encode(names()));
}

async function compile(variant: CoreVariant): Promise<WebAssembly.Module> {
  const own = provided[variant];
  const build = (typeof own === "function" ? await own() : own) ?? urlBeside(variant);
  if (build instanceof WebAssembly.Module) return build;
  const bytes = build instanceof URL ? await read(build) : build;
  const module = await WebAssembly.compile(bytes);
  hashes.set(module, hexHash(bytesOf(bytes)));
  return module;
}

function bytesOf(bytes: BufferSource): Uint8Array {
  if (!ArrayBuffer.isView(bytes)) return new Uint8Array(bytes);
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Written out for bundlers, which look for literal URLs. */
function urlBeside(variant: CoreVariant): URL {
  switch (variant) {
    case "relaxed_threads":
      return new URL("../../../wasm/relaxed_threads.wasm", import.meta.url);
    case "simd_threads":
      return new URL("../../../wasm/simd_threads.wasm", import.meta.url);
    case "simd":
      return new URL("../../../wasm/simd.wasm", import.meta.url);
  }
}

async function read(url: URL): Promise<BufferSource> {
  if (url.protocol === "file:" && isNodeLike()) {
    return new Uint8Array(await builtin("node:fs").promises.readFile(url));
  }
  const response = await fetch(url);
  if (!response.ok) throw new Error(`cannot load ${url}: HTTP ${response.status}`);
  return await response.arrayBuffer();
}
