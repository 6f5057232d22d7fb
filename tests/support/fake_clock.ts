/** A clock that a test turns by hand. */
import type { Clock } from "../../packages/api/src/engine/clock.ts";

/** Time that stands still until `turn`. */
export interface FakeClock extends Clock {
  /** Lets so many milliseconds pass: timers run in their order, promises between them. */
  turn(ms: number): Promise<void>;
  /** Timers that wait. */
  readonly timers: number;
}

export function fakeClock(start = 1_700_000_000_000): FakeClock {
  let now = start;
  const timers = new Set<{ readonly at: number; readonly run: () => void }>();
  return {
    now: () => now,
    after: (ms, run) => {
      const timer = { at: now + ms, run };
      if (ms < Infinity) timers.add(timer);
      return () => void timers.delete(timer);
    },
    get timers() {
      return timers.size;
    },
    async turn(ms) {
      const end = now + ms;
      for (;;) {
        await settle();
        const [next] = [...timers].sort((a, b) => a.at - b.at);
        if (!next || next.at > end) break;
        now = next.at;
        timers.delete(next);
        next.run();
      }
      now = end;
    },
  };
}

/** Lets all promises that can go on do so. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
