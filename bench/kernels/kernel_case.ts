/** What every kernel under the clock gives. Times nothing. */
import type { BenchCore } from "./bench_core.ts";

/** One kernel with one shape and count of rows. */
export interface KernelCase {
  /** The export's name, with the format where there is one. */
  readonly kernel: string;
  readonly shape: string;
  readonly rows: number;
  /** Multiply-adds of one call; 0 where they are not what it is about. */
  readonly macs: number;
  /** Bytes that one call reads of what is too large for registers: weights, keys and values, else rows in and out. */
  readonly bytes: number;
  /** Puts everything into a core's memory. */
  prepare(core: BenchCore): Prepared;
}

/** A kernel ready to run on one core. */
export interface Prepared {
  /** How many copies of what it reads there are. */
  readonly copies: number;
  /** One call on a copy; gives the core's status, or what is not negative where it gives a number. */
  run(copy: number): number;
  /** What the last call wrote. */
  output(): Float32Array;
}
