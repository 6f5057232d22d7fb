/** A time limit that begins anew with every frame and is hardly ever over: one timer of the host serves them all. Ends nothing itself. */

/** Calls back when the limit is over. To begin anew costs a look at the clock, not a timer. */
export class LimitTimer {
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** When the host's timer calls. */
  #looksAt = Infinity;
  #endsAt = Infinity;

  constructor(private readonly onOver: () => void) {}

  /** From now on this limit counts, and no earlier one. */
  begin(limitMs: number): void {
    this.#endsAt = performance.now() + limitMs;
    if (this.#endsAt < this.#looksAt) this.#lookAfter(limitMs);
  }

  /** None counts until one begins. */
  pause(): void {
    this.#endsAt = Infinity;
  }

  /** None will begin any more. */
  end(): void {
    this.pause();
    this.#looksAt = Infinity;
    clearTimeout(this.#timer);
  }

  #lookAfter(ms: number): void {
    clearTimeout(this.#timer);
    this.#looksAt = performance.now() + ms;
    this.#timer = setTimeout(() => this.#look(), ms);
  }

  /** Hosts' timers may be early by a fraction of a millisecond. */
  #look(): void {
    this.#looksAt = Infinity;
    const leftMs = this.#endsAt - performance.now();
    if (leftMs === Infinity) return;
    if (leftMs > 1) return this.#lookAfter(leftMs);
    this.pause();
    this.onOver();
  }
}
