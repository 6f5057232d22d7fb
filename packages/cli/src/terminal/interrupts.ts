/** What Ctrl-C and SIGTERM do to the process: they abort a signal, or call who has taken them over. Reads no keys. */
import process from "node:process";

/** Exit codes of a program that a signal has ended, by shell convention 128 and its number. */
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/** What the signal is aborted with. */
export class InterruptedError extends Error {
  override readonly name: string = "InterruptedError";
  /** @param exitCode of a command that ends by it */
  constructor(readonly exitCode: number) {
    super("Interrupted");
  }
}

/** Exit code of a command that an aborted signal has ended. */
export function interruptedCode({ reason }: AbortSignal): number {
  return reason instanceof InterruptedError ? reason.exitCode : EXIT_CODES.SIGINT;
}

/** The signals of this process; nothing changes before somebody asks for them. */
export class Interrupts {
  readonly #controller = new AbortController();
  #listener: (() => void) | undefined;
  #restore: (() => void) | undefined;
  #isInstalled = false;

  /** Aborted by the first Ctrl-C that nobody else takes, or SIGTERM; the second one ends the process at once. */
  get signal(): AbortSignal {
    this.#install();
    return this.#controller.signal;
  }

  /**
   * From now on each Ctrl-C calls `listener`, and nothing else happens; SIGTERM, and SIGHUP of a terminal that is gone,
   * call `restore` and end the process.
   */
  take(listener: () => void, restore: () => void): void {
    this.#install();
    if (!this.#restore) process.on("SIGHUP", () => this.#end("SIGHUP"));
    this.#listener = listener;
    this.#restore = restore;
  }

  /** Undoes `take`. */
  release(): void {
    this.#listener = undefined;
    this.#restore = () => {};
  }

  #install(): void {
    if (this.#isInstalled) return;
    this.#isInstalled = true;
    process.on("SIGINT", () => this.#listener ? this.#listener() : this.#abort("SIGINT"));
    process.on("SIGTERM", () => this.#listener ? this.#end("SIGTERM") : this.#abort("SIGTERM"));
  }

  /** What is being written is removed on the way out. */
  #abort(signal: keyof typeof EXIT_CODES): void {
    if (this.#controller.signal.aborted) process.exit(EXIT_CODES[signal]);
    this.#controller.abort(new InterruptedError(EXIT_CODES[signal]));
  }

  #end(signal: keyof typeof EXIT_CODES): void {
    this.#restore?.();
    process.exit(EXIT_CODES[signal]);
  }
}
