/** Keeps two processes from running in one folder: a file with who is there, which a killed process leaves without effect. */
import { OutputError } from "@aha/runtime";
import { builtin } from "@aha/runtime/host";

/** Name of the file. */
export const LOCK_FILE = "lock.json";

/** A process that may have ended; its number may belong to another one since. */
interface Owner {
  readonly pid: number;
  /** When it began, in the system's own count; missing where the system does not tell. */
  readonly began?: string;
}

/** Folders in which this process runs. */
const own = new Set<string>();

/** The right to run in a folder; dispose of it at the end. */
export class RunLock implements Disposable {
  readonly #fs = builtin("node:fs");
  readonly #folder: string;
  readonly #file: string;

  /** @throws {OutputError} naming the process that runs there */
  constructor(folder: string) {
    this.#folder = this.#fs.realpathSync(folder);
    this.#file = builtin("node:path").join(this.#folder, LOCK_FILE);
    if (own.has(this.#folder)) throw occupied(folder, builtin("node:process").pid);
    while (!this.#take()) this.#clear(folder);
    own.add(this.#folder);
  }

  [Symbol.dispose](): void {
    if (own.delete(this.#folder)) this.#fs.rmSync(this.#file, { force: true });
  }

  /** Whether the file is this process's now. */
  #take(): boolean {
    const { pid } = builtin("node:process");
    const owner: Owner = { pid, began: statOf(pid)?.began };
    try {
      this.#fs.writeFileSync(this.#file, JSON.stringify(owner), { flag: "wx" });
    } catch (error) {
      if ((error as { readonly code?: string }).code === "EEXIST") return false;
      throw error;
    }
    return this.#owner()?.pid === pid;
  }

  /** Removes the file of a process that has ended. */
  #clear(folder: string): void {
    const owner = this.#owner();
    if (owner && isRunning(owner)) throw occupied(folder, owner.pid);
    this.#fs.rmSync(this.#file, { force: true });
  }

  #owner(): Owner | undefined {
    try {
      return JSON.parse(this.#fs.readFileSync(this.#file, "utf8"));
    } catch {
      return undefined;
    }
  }
}

function occupied(folder: string, pid: number): OutputError {
  return new OutputError(
    `Cannot run in ${folder}: process ${pid} runs there; wait for it, stop it, or take another --out`,
    folder,
  );
}

function isRunning({ pid, began }: Owner): boolean {
  const process = builtin("node:process");
  // This process holds none there: the number was another's before, as it happens in containers.
  if (pid === process.pid) return false;
  const stat = statOf(pid);
  if (stat) return stat.state !== ENDED && (began === undefined || began === stat.began);
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { readonly code?: string }).code !== "ESRCH";
  }
}

/** State of a process that has ended and whose end nobody has asked for yet. */
const ENDED = "Z";

/** What Linux tells of a process: fields 3 and 22 of proc(5)'s stat, behind the name in brackets. */
function statOf(pid: number): { readonly state: string; readonly began: string } | undefined {
  try {
    const stat = builtin("node:fs").readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return { state: fields[0], began: fields[19] };
  } catch {
    return undefined;
  }
}
