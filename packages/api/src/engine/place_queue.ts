/** Places to run in and who waits for them, in turn over clients. Synchronous; loads and runs nothing. */
import { QueueFullError } from "./engine_errors.ts";

/** A request that waits. */
export interface Waiting {
  /** Whose turn it takes. */
  readonly client: string;
  /** Places that it needs at once, 1 to all. */
  readonly places: number;
  /** Called once, with the numbers of the places that it has now; maybe within `enter`. */
  readonly onGranted: (slots: readonly number[]) => void;
  /** Called instead when it has to leave. */
  readonly onRefused: (error: Error) => void;
}

/** A client's requests, the oldest first. */
interface Line {
  readonly waiting: Waiting[];
  /** Places that it may take in this turn. */
  credit: number;
}

/** How much a new duration counts in the mean. */
const NEW_SHARE = 0.1;

/**
 * Deficit round robin (Shreedhar and Varghese, 1995): each turn gives a client one place, which it saves up for a request
 * of several. Who is next is waited for and never overtaken, so that nobody starves; places are taken all at once, so that
 * nobody waits for another who waits.
 */
export class PlaceQueue {
  /** When each place was taken; undefined where it is free. */
  readonly #since: (number | undefined)[];
  /** Clients that wait, the next one first. */
  readonly #lines = new Map<string, Line>();
  #meanHeldMs: number | undefined;

  constructor(
    slots: number,
    readonly maxQueued: number,
    private readonly now: () => number,
  ) {
    this.#since = Array.from({ length: slots });
  }

  /** Requests that wait. */
  get queued(): number {
    return this.#waiting().length;
  }

  /**
   * Takes places, or waits for them. Where too many wait, the newest request of the client with the most of them leaves:
   * no client can keep the others out.
   * @throws {QueueFullError} if that is this one
   */
  enter(waiting: Waiting): void {
    const line = this.#lines.get(waiting.client) ?? { waiting: [], credit: 0 };
    this.#lines.set(waiting.client, line);
    line.waiting.push(waiting);
    this.#grant();
    const { queued } = this;
    if (queued <= this.maxQueued) return;
    let longest = line;
    for (const other of this.#lines.values()) {
      if (other.waiting.length > longest.waiting.length) longest = other;
    }
    const leaving = longest.waiting[longest.waiting.length - 1];
    this.leave(leaving);
    const error = new QueueFullError(queued - 1, this.retryAfterSeconds(leaving.places));
    if (leaving === waiting) throw error;
    leaving.onRefused(error);
  }

  /** Waits no longer; false if it did not wait. */
  leave(waiting: Waiting): boolean {
    const line = this.#lines.get(waiting.client);
    const at = line?.waiting.indexOf(waiting) ?? -1;
    if (!line || at < 0) return false;
    line.waiting.splice(at, 1);
    if (line.waiting.length === 0) this.#lines.delete(waiting.client);
    this.#grant();
    return true;
  }

  /** Gives places back. */
  free(slots: readonly number[]): void {
    for (const slot of slots) {
      const heldMs = this.now() - (this.#since[slot] ?? this.now());
      const mean = this.#meanHeldMs ?? heldMs;
      this.#meanHeldMs = mean + NEW_SHARE * (heldMs - mean);
      this.#since[slot] = undefined;
    }
    this.#grant();
  }

  /** Sends all away who wait. */
  refuseAll(error: Error): void {
    const waiting = this.#waiting();
    this.#lines.clear();
    for (const one of waiting) one.onRefused(error);
  }

  /**
   * About when a request of so many places would get them: as long as places were held of late, times those that wait
   * before it, shared among all. 1 to 600.
   */
  retryAfterSeconds(places: number): number {
    const ahead = this.#waiting().reduce((sum, waiting) => sum + waiting.places, 0);
    const ms = this.#heldMs() * (ahead + places) / this.#since.length;
    return Math.min(600, Math.max(1, Math.ceil(ms / 1000)));
  }

  /** How long a place is held; at the start that is only known of those that run. */
  #heldMs(): number {
    if (this.#meanHeldMs !== undefined) return this.#meanHeldMs;
    const held = this.#since.filter((since) => since !== undefined);
    return held.reduce((sum, since) => sum + this.now() - since, 0) / Math.max(1, held.length);
  }

  #waiting(): Waiting[] {
    return [...this.#lines.values()].flatMap(({ waiting }) => waiting);
  }

  #grant(): void {
    for (const [client, line] of this.#lines) {
      const free = this.#since.flatMap((since, slot) => since === undefined ? [slot] : []);
      if (free.length === 0) return;
      const [next] = line.waiting;
      if (line.credit < next.places) line.credit++;
      const isNext = line.credit >= next.places;
      if (isNext && free.length < next.places) return;
      if (isNext) {
        line.credit -= next.places;
        line.waiting.shift();
      }
      // To the end of the turn; the loop comes to it again.
      this.#lines.delete(client);
      if (line.waiting.length > 0) this.#lines.set(client, line);
      if (isNext) this.#give(next, free.slice(0, next.places));
    }
  }

  #give(waiting: Waiting, slots: readonly number[]): void {
    for (const slot of slots) this.#since[slot] = this.now();
    waiting.onGranted(slots);
  }
}
