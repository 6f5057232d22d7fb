/** How long /health takes to answer, asked by a thread of its own: the clients that make the load would be late to look. Judges no figures. */

/** Of answers to /health, milliseconds. */
export interface Latency {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

const PAUSE_MS = 10;
/** The thread's program: asks until it is told to stop, then tells how long each answer took. */
const PROGRAM = `
let isOver = false;
self.onmessage = async ({ data: url }) => {
  if (url === null) return isOver = true;
  const took = [];
  while (!isOver) {
    const started = performance.now();
    const response = await fetch(url + "/health");
    await response.body?.cancel();
    took.push(response.ok ? performance.now() - started : Infinity);
    await new Promise((resolve) => setTimeout(resolve, ${PAUSE_MS}));
  }
  self.postMessage(took);
};`;

/** Asks again and again until it is stopped. */
export function watchHealth(url: string): { readonly stop: () => Promise<Latency> } {
  const worker = new Worker(`data:text/javascript,${encodeURIComponent(PROGRAM)}`, {
    type: "module",
  });
  const { promise, resolve } = Promise.withResolvers<readonly number[]>();
  worker.onmessage = ({ data }) => resolve(data);
  worker.postMessage(url);
  return {
    stop: async () => {
      worker.postMessage(null);
      const took = await promise;
      worker.terminate();
      return latencyOf(took);
    },
  };
}

/** The percentiles of durations. */
export function latencyOf(durationsMs: readonly number[]): Latency {
  const sorted = durationsMs.toSorted((a, b) => a - b);
  const last = sorted.length - 1;
  const at = (share: number) => sorted[Math.min(last, Math.floor(sorted.length * share))];
  return { count: sorted.length, p50: at(0.5), p99: at(0.99), max: at(1) };
}
