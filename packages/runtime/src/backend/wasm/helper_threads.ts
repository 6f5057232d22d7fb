/** Starts and ends the helper Workers that share the core's memory. Knows no kernels: a helper just runs the core's loop. */
import type { Core, CoreShare } from "./core.ts";

/** What the pool needs of a worker, in Deno, Node and browsers. */
interface HelperWorker {
  post(share: CoreShare): void;
  /** From now on it does not keep the program alive. */
  unref(): void;
  terminate(): void;
}

type OnMessage = (message: HelperMessage) => void;

/** What a helper says: once when it is about to enter the loop, and if it dies. */
export type HelperMessage = { readonly kind: "ready" } | {
  readonly kind: "died";
  readonly reason: string;
};

const workerUrl = (): URL => new URL("./helper_worker.ts", import.meta.url);

function isNodeLike(): boolean {
  return typeof process !== "undefined" && typeof process.versions?.node === "string";
}

/** Node and Deno: node:worker_threads, since only those can be unref'd, so that a program that forgets close() still ends. */
async function spawnThread(onMessage: OnMessage): Promise<HelperWorker> {
  const { Worker } = await import("node:worker_threads");
  const worker = new Worker(workerUrl());
  worker.on("message", onMessage);
  worker.on("error", (error) => onMessage({ kind: "died", reason: String(error) }));
  return {
    post: (share) => worker.postMessage(share),
    unref: () => worker.unref(),
    terminate: () => void worker.terminate(),
  };
}

function spawnWebWorker(onMessage: OnMessage): HelperWorker {
  const worker = new Worker(new URL("./helper_worker.ts", import.meta.url), { type: "module" });
  worker.onmessage = (event) => onMessage(event.data);
  worker.onerror = (event) => onMessage({ kind: "died", reason: event.message });
  const post = (share: CoreShare) => worker.postMessage(share);
  return { post, unref: () => {}, terminate: () => worker.terminate() };
}

/** The running helpers of one core. */
export class HelperThreads {
  readonly #workers: HelperWorker[] = [];

  private constructor(private readonly core: Core) {}

  /** Starts `count` helpers and waits until all share the work. */
  static async start(core: Core, count: number): Promise<HelperThreads> {
    const threads = new HelperThreads(core);
    if (core.share) {
      const share = core.share;
      await Promise.all(Array.from({ length: count }, () => threads.#spawn(share)));
    }
    return threads;
  }

  async #spawn(share: CoreShare): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onMessage: OnMessage = (message) => {
      if (message.kind === "ready") return resolve();
      this.core.exports.poison_helpers();
      reject(new Error(`A helper thread died: ${message.reason}`));
    };
    const worker = isNodeLike() ? await spawnThread(onMessage) : spawnWebWorker(onMessage);
    this.#workers.push(worker);
    worker.post(share);
    await promise;
    worker.unref();
  }

  /** Ends all helpers. */
  close(): void {
    this.core.exports.stop_helpers();
    for (const worker of this.#workers.splice(0)) worker.terminate();
  }
}
