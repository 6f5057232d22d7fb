/** What every bench does around its work: its words, its exit code, and one line where it fails. Measures nothing. */
import process from "node:process";
import { coreCount } from "../packages/runtime/src/backend/wasm/backend.ts";
import type { CoreVariant } from "../packages/runtime/src/backend/wasm/core.ts";

/** A bench as a program. */
export interface Program<S> {
  readonly usage: string;
  /** Reads the words of the command; throws with what is wrong. */
  read(words: readonly string[]): S;
  /** Gives the exit code, 0 where it gives none; throws where it cannot go on. */
  run(settings: S): Promise<number | void>;
}

/** The exit code of a program with these words: 2 where they are wrong, 1 where it fails; `tell` gets why, in one line. */
export async function exitCodeOf<S>(
  { usage, read, run }: Program<S>,
  words: readonly string[],
  tell: (text: string) => void = console.error,
): Promise<number> {
  let settings: S;
  try {
    settings = read(words);
  } catch (error) {
    tell(`${messageOf(error)}\n${usage}`);
    return 2;
  }
  try {
    return await run(settings) ?? 0;
  } catch (error) {
    tell(messageOf(error));
    return 1;
  }
}

/** Runs this process as a program and ends it. */
export async function runProgram<S>(program: Program<S>): Promise<never> {
  process.exit(await exitCodeOf(program, process.argv.slice(2)));
}

/** @throws {RangeError} where the cores, or the build, cannot run so many threads */
export function expectThreads(threads: number, build?: CoreVariant, cores = coreCount()): void {
  if (build === "simd" && threads > 1) {
    throw new RangeError(`The build simd runs 1 thread, ${threads} are asked for`);
  }
  if (threads > cores) {
    throw new RangeError(`${threads} threads are asked for, the cores here are ${cores}`);
  }
}

function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split("\n", 1)[0];
}
