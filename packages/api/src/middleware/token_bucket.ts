/** So much a minute, refilled all the time. Knows no requests. */
const MINUTE_MS = 60_000;

/** Begins full. May be overdrawn: what has been used is known only afterwards, and is then paid back. */
export class TokenBucket {
  #level: number;
  #updatedMs: number;

  constructor(readonly perMinute: number, readonly now: () => number) {
    this.#level = perMinute;
    this.#updatedMs = now();
  }

  /** What may be taken now, below 0 where it is overdrawn. */
  get level(): number {
    const nowMs = this.now();
    const gained = (nowMs - this.#updatedMs) * this.perMinute / MINUTE_MS;
    this.#updatedMs = nowMs;
    this.#level = Math.min(this.perMinute, this.#level + gained);
    return this.#level;
  }

  take(amount: number): void {
    this.#level = this.level - amount;
  }

  /** Milliseconds until so much may be taken. */
  waitMs(amount: number): number {
    return Math.max(0, (amount - this.level) * MINUTE_MS / this.perMinute);
  }
}
