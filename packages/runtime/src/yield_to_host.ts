/** Gives timers, signals and other requests a turn between steps, without the millisecond that setTimeout costs. */

const TURN_MS = 8;
/** Deno may not look at signals of the system for seconds while only immediate callbacks run; a timer makes it look. */
const TIMER_TURN_MS = 100;
let lastTurn = 0;
let lastTimerTurn = 0;

/** Runs the callback after pending events: setImmediate in Deno and Node, a message to itself in browsers. */
const later: (callback: () => void) => void = typeof setImmediate === "function"
  ? (callback) => void setImmediate(callback)
  : messageToSelf();

function messageToSelf(): (callback: () => void) => void {
  const { port1, port2 } = new MessageChannel();
  const waiting: (() => void)[] = [];
  port1.onmessage = () => waiting.shift()?.();
  return (callback) => {
    waiting.push(callback);
    port2.postMessage(null);
  };
}

/** Waits for one turn of the host's event loop: all that is ready to run now has run then. */
export async function nextTurn(): Promise<void> {
  const isTimerDue = performance.now() - lastTimerTurn >= TIMER_TURN_MS;
  await new Promise<void>(isTimerDue ? (resolve) => void setTimeout(resolve, 0) : later);
  lastTurn = performance.now();
  if (isTimerDue) lastTimerTurn = lastTurn;
}

/**
 * Waits for a turn if the last one is some milliseconds ago.
 * @throws the signal's reason when it is aborted.
 */
export async function yieldToHost(signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  if (performance.now() - lastTurn < TURN_MS) return;
  await nextTurn();
  signal?.throwIfAborted();
}
