/** What Ctrl-C does to the process: it aborts a signal, or calls who has taken it over. Reads no keys. */
import process from "node:process";

/** Exit code of a program ended by Ctrl-C, by shell convention 128 + 2. */
const EXIT_INTERRUPTED = 130;

/** The Ctrl-C of this process; nothing changes before somebody asks for it. */
export class Interrupts {
  readonly #controller = new AbortController();
  #listener: (() => void) | undefined;
  #isInstalled = false;

  /** Aborted by the first Ctrl-C that nobody else takes; the second one ends the process at once. */
  get signal(): AbortSignal {
    this.#install();
    return this.#controller.signal;
  }

  /** From now on each Ctrl-C calls `listener`, and nothing else happens. */
  take(listener: () => void): void {
    this.#install();
    this.#listener = listener;
  }

  /** Undoes `take`. */
  release(): void {
    this.#listener = undefined;
  }

  #install(): void {
    if (this.#isInstalled) return;
    this.#isInstalled = true;
    process.on("SIGINT", () => {
      if (this.#listener) return this.#listener();
      if (this.#controller.signal.aborted) process.exit(EXIT_INTERRUPTED);
      this.#controller.abort(new Error("Interrupted"));
    });
  }
}
