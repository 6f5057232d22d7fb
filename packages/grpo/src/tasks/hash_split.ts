/** Held-out problems by their hash, so that a problem is on one side for ever, whoever draws it. Draws none. */
import type { Task, TaskRow } from "./task.ts";

/** `"test"` is held out: a fifth of all problems. */
export type Split = "train" | "test";

/** One problem in so many is held out. */
const TEST_MODULUS = 5;

/** Which side a problem is on, by a name that is the same for equal problems. */
export function splitOf(key: string): Split {
  return hash(key) % TEST_MODULUS === 0 ? "test" : "train";
}

/** FNV-1a over code units, with murmur3's last mixing, so that all bits depend on all units. 32 bits. */
function hash(text: string): number {
  let sum = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) sum = Math.imul(sum ^ text.charCodeAt(i), 0x01000193);
  sum = Math.imul(sum ^ sum >>> 16, 0x85ebca6b);
  sum = Math.imul(sum ^ sum >>> 13, 0xc2b2ae35);
  return (sum ^ sum >>> 16) >>> 0;
}

/**
 * One side of a task of a file: rows whose prompt's hash says so, in the file's order.
 *
 * @throws {RangeError} when the task is endless (its generator knows splits) or no row is on that side
 *
 * @example
 * ```ts
 * import { heldOut, type Task } from "@aha/grpo/tasks";
 *
 * const rows = ["2 + 2", "3 + 4", "5 + 1", "7 + 7"];
 * const task: Task = { name: "sums", length: 4, row: (i) => ({ prompt: rows[i] }) };
 * console.log(heldOut(task, "train").length, "of", task.length);
 * ```
 */
export function heldOut(task: Task, split: Split): Task {
  if (!Number.isFinite(task.length)) {
    throw new RangeError(`${task.name} has no end, its own split option must be used`);
  }
  const rows: TaskRow[] = [];
  for (let index = 0; index < task.length; index++) {
    const row = task.row(index);
    const text = typeof row.prompt === "string" ? row.prompt : JSON.stringify(row.prompt);
    if (splitOf(text) === split) rows.push(row);
  }
  if (rows.length === 0) {
    throw new RangeError(`none of the ${task.length} rows of ${task.name} is on the ${split} side`);
  }
  return rowsTask(`${task.name}/${split}`, rows);
}

/** A task of rows that are there. */
export function rowsTask(name: string, rows: readonly TaskRow[]): Task {
  return {
    name,
    length: rows.length,
    row(index) {
      if (rows[index]) return rows[index];
      throw new RangeError(
        `row ${index} of ${name} is asked for, it has rows 0 to ${rows.length - 1}`,
      );
    },
  };
}
