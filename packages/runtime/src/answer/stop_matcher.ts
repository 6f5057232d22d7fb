/** Ends text before the first of some stop strings, wherever it is cut into pieces. Knows no tokens. */
import { unfinished } from "./reasoning_splitter.ts";

/** Holds back what could be the beginning of a stop string. */
export class StopMatcher {
  #held = "";
  #stopped = false;

  /** @throws {RangeError} when a stop string is empty */
  constructor(private readonly stops: readonly string[]) {
    if (stops.includes("")) throw new RangeError("A stop string is empty: give at least one sign");
  }

  /** Whether a stop string has come. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /** Takes more text and gives what certainly stands before any stop string. */
  push(text: string): string {
    if (this.#stopped) return "";
    const all = this.#held + text;
    const start = this.#firstComplete(all);
    if (start !== undefined) {
      this.#stopped = true;
      this.#held = "";
      return all.slice(0, start);
    }
    const waiting = this.stops.reduce((most, stop) => Math.max(most, unfinished(all, stop)), 0);
    this.#held = all.slice(all.length - waiting);
    return all.slice(0, all.length - waiting);
  }

  /** Where the stop string begins that is complete first; the longest of several. Does not depend on how text is cut. */
  #firstComplete(text: string): number | undefined {
    const found = this.stops.map((stop) => ({ start: text.indexOf(stop), length: stop.length }))
      .filter(({ start }) => start >= 0)
      .sort((a, b) => a.start + a.length - b.start - b.length || a.start - b.start);
    return found[0]?.start;
  }

  /** Ends the text: gives what was held back. */
  end(): string {
    const rest = this.#held;
    this.#held = "";
    return rest;
  }
}
