/** Tasks by name or file, as configurations have them. Holds no task. */
import { builtin } from "@aha/runtime/host";
import { snakeCase } from "../settings/spelling.ts";
import { digitSumTask } from "./digit_sum.ts";
import { aimeTask, gpqaTask, gsm8kTask, math500Task } from "./files/benchmarks.ts";
import { columnTask } from "./files/column_task.ts";
import { countdownTask } from "./files/countdown_file.ts";
import { NANO_TASK_NAMES } from "./nano/draws.ts";
import { nanoTask } from "./nano/nano_task.ts";
import type { Task } from "./task.ts";

/** A task as a configuration has it: one that is built in, or the rows of a file. */
export type TaskChoice =
  | { readonly name: string; readonly options?: Readonly<Record<string, unknown>> }
  | {
    readonly file: string;
    readonly format?: string;
    readonly promptColumn?: string;
    /** `null`: there is none. */
    readonly answerColumn?: string | null;
    readonly options?: Readonly<Record<string, unknown>>;
  };

/** What a task is read with. */
export interface ReadTaskOptions {
  /** Of the run; a task's own `seed` goes before it. */
  readonly seed: number;
  /** Folder that paths start from. Default: the current one. */
  readonly folder?: string;
}

type Options = Readonly<Record<string, unknown>>;

/** Options are those of the functions, checked by them. */
const BUILT_IN: Readonly<Record<string, (options: Options & { seed: number }) => Task>> = {
  nano: (options) => nanoTask(options),
  digit_sum: (options) => digitSumTask(options),
};

/** Of all files: `PromptOptions`. */
const PROMPT_OPTIONS = ["instruction", "system"];
const COLUMN_OPTIONS = [...PROMPT_OPTIONS, "asChat"];

const FORMATS: Readonly<Record<string, (file: string, choice: Options) => Promise<Task>>> = {
  jsonl: columnTask,
  json: columnTask,
  csv: columnTask,
  parquet: columnTask,
  gsm8k: gsm8kTask,
  math500: math500Task,
  aime: aimeTask,
  gpqa: (file, choice) => gpqaTask(file, { seed: 0, ...choice }),
  countdown: countdownTask,
};

/** Options that each built-in task and each format knows. */
const KNOWN: Readonly<Record<string, readonly string[]>> = {
  nano: ["seed", "tasks", "levels", "languages", "split"],
  digit_sum: ["seed", "levels", "split", "form"],
  jsonl: COLUMN_OPTIONS,
  json: COLUMN_OPTIONS,
  csv: COLUMN_OPTIONS,
  parquet: COLUMN_OPTIONS,
  gsm8k: PROMPT_OPTIONS,
  math500: PROMPT_OPTIONS,
  aime: PROMPT_OPTIONS,
  gpqa: [...PROMPT_OPTIONS, "seed"],
  countdown: PROMPT_OPTIONS,
};

/** Names of the tasks that need no file. */
export const TASK_NAMES: readonly string[] = Object.keys(BUILT_IN);

/**
 * The task that a configuration names.
 * @throws {RangeError} for a name, format or option that there is not
 * @throws {DataError} for a file that cannot be used
 *
 * @example
 * ```ts
 * import { readTask } from "@aha/grpo/tasks";
 * const task = await readTask({ name: "nano", options: { tasks: { CHAIN: 1 } } }, { seed: 1 });
 * console.log(task.row(0).prompt);
 * ```
 */
export async function readTask(choice: TaskChoice, options: ReadTaskOptions): Promise<Task> {
  const given = choice.options ?? {};
  if (!("file" in choice)) return builtInTask(choice.name, given, options.seed);
  const { file, format = "jsonl", promptColumn, answerColumn } = choice;
  const read = FORMATS[format];
  if (!read) {
    throw new RangeError(
      `task.format is ${JSON.stringify(format)}, it must be one of ${
        Object.keys(FORMATS).join(", ")
      }`,
    );
  }
  const path = options.folder ? builtin("node:path").resolve(options.folder, file) : file;
  const own = knownOptions(given, format, `the format ${format}`);
  return await read(path, { promptColumn, answerColumn, ...own });
}

/** Options under TypeScript's names, whichever spelling they were given in. */
function knownOptions(given: Options, kind: string, what: string): Options {
  const known = KNOWN[kind];
  return Object.fromEntries(
    Object.entries(given).map(([key, value]) => {
      const name = known.find((one) => snakeCase(one) === snakeCase(key));
      if (name !== undefined) return [name, value];
      throw new RangeError(
        `task.${key} is no option of ${what}; there are ${known.map(snakeCase).join(", ")}`,
      );
    }),
  );
}

function builtInTask(name: string, given: Options, seed: number): Task {
  // A nano task alone: `CHAIN` stands for all of its problems.
  const alone = NANO_TASK_NAMES.find((task) => task === name);
  const family = alone ? "nano" : name;
  const create = BUILT_IN[family];
  if (!create) {
    const known = [...TASK_NAMES, ...NANO_TASK_NAMES].join(", ");
    throw new RangeError(
      `task is ${JSON.stringify(name)}, it must be one of ${known}, or have a file`,
    );
  }
  const own = knownOptions(given, family, name);
  return create({ seed, ...(alone ? { tasks: { [alone]: 1 } } : {}), ...own });
}
