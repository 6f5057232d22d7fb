/** How many tokens of prompts a step may take, so that it takes about the time allowed. Times nothing itself. */
import { CHUNK_ROWS } from "./decoder.ts";

/** The kernels take four rows at once; fewer gain nothing. */
const LEAST_ROWS = 4;
/** The first step of a model is a guess: small enough for slow machines. */
const FIRST_ROWS = 16;

/** Follows the machine: each step's time decides about the next. Results do not depend on how prompts are cut. */
export class StepSize {
  #rows = FIRST_ROWS;

  /** @param maxStepMs about how long a step may block its thread */
  constructor(private readonly maxStepMs: number) {}

  /** Tokens of the next step, a multiple of four. */
  get rows(): number {
    return this.#rows;
  }

  /** Takes the time of a step; short ones say nothing about long ones. */
  took(rows: number, ms: number): void {
    if (rows < this.#rows) return;
    const fitting = Math.floor((rows * this.maxStepMs) / ms / LEAST_ROWS) * LEAST_ROWS;
    this.#rows = Math.min(CHUNK_ROWS, Math.max(LEAST_ROWS, fitting));
  }
}
