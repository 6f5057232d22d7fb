/** A bound on a process's memory that the system holds, where this user may set one: a control group (cgroup). Measures nothing. */
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from "node:fs";

/** Control groups of version 1 and 2, with the file that bounds memory. */
const HIERARCHIES = [
  { root: "/sys/fs/cgroup/memory", limit: "memory.limit_in_bytes" },
  { root: "/sys/fs/cgroup", limit: "memory.max" },
];

/** A group that a process may enter by writing its number to `procsFile`. */
export interface MemoryGroup {
  readonly procsFile: string;
  /** When its processes have ended. */
  readonly remove: () => void;
}

/** A group of so many bytes; undefined where there are none, or they are not this user's to make. */
export function memoryGroup(limitBytes: number): MemoryGroup | undefined {
  for (const { root, limit } of HIERARCHIES) {
    const folder = `${root}/aha-test-${crypto.randomUUID()}`;
    const remove = () => existsSync(folder) && rmdirSync(folder);
    try {
      mkdirSync(folder);
      if (!existsSync(`${folder}/${limit}`)) throw new RangeError(`${root} bounds no memory`);
      writeFileSync(`${folder}/${limit}`, `${Math.floor(limitBytes)}`);
      return { procsFile: `${folder}/cgroup.procs`, remove };
    } catch {
      remove();
    }
  }
  return undefined;
}
