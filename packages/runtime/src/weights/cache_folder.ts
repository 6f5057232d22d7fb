/** Where the platform keeps caches. Creates and reads nothing. */
import { homedir } from "node:os";
import { join } from "node:path";
import process from "node:process";

/** What the answer depends on; tests give their own. */
export interface Platform {
  readonly os: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
}

/**
 * The folder for everything that can be downloaded again: `AHA_HOME` if set, else `aha` in the
 * platform's cache folder (XDG base directories on Linux, Library/Caches on macOS, LOCALAPPDATA on Windows).
 */
export function cacheFolder(platform?: Platform): string {
  const { os, env, home } = platform ??
    { os: process.platform, env: process.env, home: homedir() };
  if (env.AHA_HOME) return env.AHA_HOME;
  if (os === "win32") return join(env.LOCALAPPDATA || join(home, "AppData", "Local"), "aha");
  if (os === "darwin") return join(home, "Library", "Caches", "aha");
  return join(env.XDG_CACHE_HOME || join(home, ".cache"), "aha");
}

/** Whether this program may know where that is; an isolate may not. */
export function mayCache(home?: string): boolean {
  try {
    return home !== undefined || cacheFolder() !== "";
  } catch {
    return false;
  }
}

/** The folder of the models in the cache at `home` (default: the platform's). */
export function modelsFolder(home?: string): string {
  return join(home ?? cacheFolder(), "models");
}
