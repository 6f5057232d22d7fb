/** Paths that a configuration file names, from its own folder. Reads none of the files. */
import { existsSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";

/** Names whose texts are paths of what a run reads; in a file of rows and in a reward, of the objects below. */
const PATHS: ReadonlySet<string> = new Set(["model", "model_name_or_path", "adapter", "data"]);
const PATHS_BELOW: ReadonlySet<string> = new Set(["file", "module", "model", "name"]);
/** A text that can only be a path, not the name of a model or reward. */
const IS_PATH = /[/\\]|\.\w+$/;
/** `https:`, `hf:`, `file:`, but no drive's letter. */
const IS_URL = /^[a-z][a-z0-9+.-]+:/i;

/**
 * A configuration as its file gives it, with relative paths that lead to something in the file's folder written from the
 * current folder; others stay, so that they start from there. `target` is the file's path, `-` stdin.
 */
export function besideFile(given: unknown, target: string): unknown {
  const folder = dirname(target);
  if (target === "-" || folder === "." || !isObject(given)) return given;
  const found = (value: unknown): unknown => {
    if (typeof value !== "string" || !IS_PATH.test(value)) return value;
    if (IS_URL.test(value) || isAbsolute(value)) return value;
    const path = join(folder, value);
    return existsSync(path) ? path : value;
  };
  const below = (value: unknown): unknown =>
    isObject(value) ? mapped(value, (key, one) => PATHS_BELOW.has(key) ? found(one) : one) : value;
  return mapped(given, (key, value) => {
    if (PATHS.has(key)) return below(found(value));
    if (key === "task") return below(value);
    if (key !== "rewards" && key !== "reward_funcs") return value;
    return Array.isArray(value) ? value.map((one) => below(found(one))) : value;
  });
}

function mapped(
  value: Readonly<Record<string, unknown>>,
  change: (key: string, value: unknown) => unknown,
): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, change(key, one)]));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
