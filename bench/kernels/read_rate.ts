/** How fast threads read a buffer as large as a model: the roofline of decoding. Runs no kernel of the core. */
import { Worker } from "node:worker_threads";
import { READ_RUN_BYTES, type ReadLoop, readLoopBytes } from "./read_loop.ts";

const PAGE_BYTES = 65536;
/** Words of the control block: the turn that readers wait for, those that have finished it, those that have started. */
const [TURN, FINISHED, STARTED] = [0, 1, 2];
/** A reader waits for its next turn at most so long, then looks whether it still has one to wait for. */
const WAIT_MS = 100;

const READER_PROGRAM = `
const { parentPort } = await import("node:worker_threads");
parentPort.once("message", ({ module, memory, control, from, end, passes }) => {
  const { read } = new WebAssembly.Instance(module, { env: { memory } }).exports;
  read(from, end);
  Atomics.add(control, ${STARTED}, 1);
  for (let turn = 0; turn >= 0;) {
    Atomics.wait(control, ${TURN}, turn, ${WAIT_MS});
    const next = Atomics.load(control, ${TURN});
    if (next === turn) continue;
    turn = next;
    for (let pass = 0; turn >= 0 && pass < passes; pass++) read(from, end);
    Atomics.add(control, ${FINISHED}, 1);
  }
});`;

/** Threads over one buffer, each with its own part. Close it. */
export class ReadRate {
  readonly #control = new Int32Array(new SharedArrayBuffer(12));
  readonly #workers: Worker[] = [];
  readonly #bytes: number;
  #turn = 0;

  private constructor(
    private readonly loop: ReadLoop,
    private readonly partBytes: number,
    private readonly threads: number,
    private readonly passes: number,
  ) {
    this.#bytes = threads * partBytes * passes;
  }

  /** A buffer of about `sizeBytes`, read `passes` times a sample. */
  static async start(sizeBytes: number, threads: number, passes = 4): Promise<ReadRate> {
    const partBytes = Math.floor(sizeBytes / threads / READ_RUN_BYTES) * READ_RUN_BYTES;
    const pages = Math.ceil(threads * partBytes / PAGE_BYTES);
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    new Uint8Array(memory.buffer).fill(1); // pages that were never written are all the same one
    const module = await WebAssembly.compile(readLoopBytes());
    const instance = new WebAssembly.Instance(module, { env: { memory } });
    const rate = new ReadRate(instance.exports as unknown as ReadLoop, partBytes, threads, passes);
    for (let part = 1; part < threads; part++) {
      const url = `data:text/javascript,${encodeURIComponent(READER_PROGRAM)}`;
      const worker = new Worker(new URL(url));
      const [from, end] = [part * partBytes, (part + 1) * partBytes];
      worker.postMessage({ module, memory, control: rate.#control, from, end, passes });
      rate.#workers.push(worker);
    }
    while (Atomics.load(rate.#control, STARTED) < threads - 1) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    rate.sample();
    return rate;
  }

  /** Bytes/s of all threads together, over `passes` passes. */
  sample(): number {
    const start = performance.now();
    Atomics.store(this.#control, FINISHED, 0);
    Atomics.store(this.#control, TURN, ++this.#turn);
    Atomics.notify(this.#control, TURN);
    for (let pass = 0; pass < this.passes; pass++) this.loop.read(0, this.partBytes);
    while (Atomics.load(this.#control, FINISHED) < this.threads - 1);
    return this.#bytes / ((performance.now() - start) / 1000);
  }

  async close(): Promise<void> {
    Atomics.store(this.#control, TURN, -1);
    Atomics.notify(this.#control, TURN);
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }
}
