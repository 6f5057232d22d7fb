/** Node's and Deno's built-in modules where the program runs there. Bundlers for browsers see no `node:` import to stop at. */
import type process from "node:process";

const host = (globalThis as { readonly process?: Partial<typeof process> }).process;

/** Deno or Node: there are threads that can be unref'd, and maybe files. */
export function isNodeLike(): boolean {
  return typeof host?.versions?.node === "string";
}

/**
 * A built-in module such as `node:fs`, asked of the process instead of imported.
 * @throws {TypeError} in a browser: ask `isNodeLike` first
 */
export const builtin: typeof process.getBuiltinModule = ((name: string) => {
  const found = host?.getBuiltinModule?.(name);
  if (!found) throw new TypeError(`${name} is only there in Deno and in Node 22.3 or later`);
  return found;
}) as typeof process.getBuiltinModule;
