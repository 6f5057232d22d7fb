/** Time as the engine sees it, so that tests can turn it. Measures nothing. */
import { builtin, isNodeLike } from "@aha/runtime/host";

/** Now, and later. */
export interface Clock {
  /** Unix time in milliseconds, never going back. */
  now(): number;
  /** Calls `run` after so many milliseconds, or never where that is Infinity; gives what calls it off. */
  after(ms: number, run: () => void, options?: TimerOptions): () => void;
}

/** Options of a timer. */
export interface TimerOptions {
  /** Whether a program goes on for its sake; where it may end, hosts must know such timers. Default true. */
  readonly keepsAlive?: boolean;
}

/** The longest that a timer of the host can wait. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** The host's time. */
export const hostClock: Clock = {
  now: () => performance.timeOrigin + performance.now(),
  after: (ms, run, { keepsAlive = true } = {}) => {
    if (ms === Infinity) return () => {};
    if (ms > MAX_TIMER_MS) return laterStill(ms, run, { keepsAlive });
    return !keepsAlive && isNodeLike() ? idleTimer(ms, run) : hostTimer(ms, run);
  },
};

function hostTimer(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, ms);
  return () => clearTimeout(timer);
}

function idleTimer(ms: number, run: () => void): () => void {
  const { setTimeout, clearTimeout } = builtin("node:timers");
  const timer = setTimeout(run, ms).unref();
  return () => clearTimeout(timer);
}

function laterStill(ms: number, run: () => void, options: TimerOptions): () => void {
  let cancel = hostClock.after(MAX_TIMER_MS, () => {
    cancel = hostClock.after(ms - MAX_TIMER_MS, run, options);
  }, options);
  return () => cancel();
}
