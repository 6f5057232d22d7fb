/** One process at a time in a recipe's folder. Waits for none, knows no stage. */
import { builtin } from "@aha/runtime/host";

/** The file that says who is at work; a killed process leaves it, and the next one takes it over. */
export const LOCK_FILE = "lock.json";

interface Holder {
  readonly pid: number;
  readonly host: string;
}

/**
 * Takes a folder; gives the function that gives it back.
 * @throws {Error} naming the process that has it
 */
export function lockFolder(folder: string): () => void {
  const fs = builtin("node:fs");
  const path = builtin("node:path").join(folder, LOCK_FILE);
  const own: Holder = { pid: builtin("node:process").pid, host: builtin("node:os").hostname() };
  const create = (): boolean => {
    try {
      fs.writeFileSync(path, JSON.stringify(own), { flag: "wx" });
      return true;
    } catch (error) {
      if ((error as { readonly code?: string }).code === "EEXIST") return false;
      throw error;
    }
  };
  if (!create()) {
    const holder = readHolder(path);
    if (holder && isAtWork(holder, own)) {
      throw new Error(
        `Process ${holder.pid} on ${holder.host} is at work in ${folder}: wait for it, or remove ${path} if it is not`,
      );
    }
    fs.writeFileSync(path, JSON.stringify(own));
  }
  return () => fs.rmSync(path, { force: true });
}

/** undefined where the file is not whole: its writer was killed. */
function readHolder(path: string): Holder | undefined {
  try {
    return JSON.parse(builtin("node:fs").readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}

/** A process of another machine may be; one of this number was this program before a restart. */
function isAtWork({ pid, host }: Holder, own: Holder): boolean {
  if (host !== own.host) return true;
  if (pid === own.pid) return false;
  try {
    builtin("node:process").kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { readonly code?: string }).code !== "ESRCH";
  }
}
