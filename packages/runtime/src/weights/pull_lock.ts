/** Lets one process at a time write a file of the cache. Knows nothing of downloads. */
import * as fs from "node:fs";
import { hostname } from "node:os";
import process from "node:process";
import { pause } from "../gguf/source/http_get.ts";
import { storing } from "./part_file.ts";

const HEARTBEAT_MS = 5_000;
/** A lock that was not touched for this long belongs to nobody any more. */
const STALE_MS = 30_000;
const POLL_MS = 200;

/**
 * Takes the lock file `path`, waiting while a living process holds it; gives the function that releases it.
 * @throws the signal's reason when aborted while waiting
 */
export async function takeLock(path: string, signal?: AbortSignal): Promise<() => void> {
  while (!create(path)) {
    if (isStale(path)) fs.rmSync(path, { force: true });
    else await pause(POLL_MS, signal);
  }
  const heartbeat = setInterval(() => {
    try {
      fs.utimesSync(path, new Date(), new Date());
    } catch {
      // removed by hand: the holder goes on, its writes are checked in the end
    }
  }, HEARTBEAT_MS);
  return () => {
    clearInterval(heartbeat);
    fs.rmSync(path, { force: true });
  };
}

function create(path: string): boolean {
  return storing(path, () => {
    try {
      fs.writeFileSync(path, JSON.stringify({ pid: process.pid, host: hostname() }), {
        flag: "wx",
      });
      return true;
    } catch (error) {
      if ((error as { code?: string }).code === "EEXIST") return false;
      throw error;
    }
  });
}

function isStale(path: string): boolean {
  try {
    const ageMs = Date.now() - fs.statSync(path).mtimeMs;
    if (ageMs > STALE_MS) return true;
    const { pid, host } = JSON.parse(fs.readFileSync(path, "utf8")) as {
      pid: number;
      host: string;
    };
    return host === hostname() && !isAlive(pid);
  } catch {
    return false; // just released, or still being written: look again
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { code?: string }).code !== "ESRCH";
  }
}
