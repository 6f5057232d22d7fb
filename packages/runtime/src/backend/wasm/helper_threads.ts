/** Starts and ends the helper Workers that share the core's memory. Knows no kernels: a helper just runs the core's loop. */
import { UnsupportedError } from "../../errors.ts";
import { builtin, isNodeLike } from "../../host.ts";
import type { Core, CoreShare } from "./core.ts";
import { reportFailure } from "./helper_failure.ts";
import { HELPER_PROGRAM } from "./helper_program.ts";

/** What the pool needs of a worker, in Deno, Node and browsers. */
interface HelperWorker {
  post(share: CoreShare): void;
  /** It has started: from now on it does not keep the program alive. */
  unref(): void;
  terminate(): void;
}

type OnMessage = (message: HelperMessage) => void;

/** What a helper says: once when it is about to enter the loop, and if it dies. */
export type HelperMessage = { readonly kind: "ready" } | {
  readonly kind: "died";
  readonly reason: string;
};

/** Node and Deno: node:worker_threads, since only those can be unref'd, so that a program that forgets close() still ends. */
function spawnThread(onMessage: OnMessage): HelperWorker {
  const { Worker } = builtin("node:worker_threads");
  const url = `data:text/javascript,${encodeURIComponent(HELPER_PROGRAM)}`;
  const worker = new Worker(new URL(url));
  worker.on("message", onMessage);
  worker.on("error", (error) => onMessage({ kind: "died", reason: String(error) }));
  worker.on("exit", () => onMessage({ kind: "died", reason: "its Worker was ended" }));
  return {
    post: (share) => worker.postMessage(share),
    unref: () => worker.unref(),
    terminate: () => void worker.terminate(),
  };
}

/** What a browser may say when a page's Content-Security-Policy refuses the helper: nothing. */
const REFUSED = "the page's policy must allow worker-src blob:";

function spawnWebWorker(onMessage: OnMessage): HelperWorker {
  const url = URL.createObjectURL(new Blob([HELPER_PROGRAM], { type: "text/javascript" }));
  const worker = new Worker(url, { type: "module" });
  worker.onmessage = (event) => onMessage(event.data);
  worker.onerror = (event) => onMessage({ kind: "died", reason: event.message || REFUSED });
  return {
    post: (share) => worker.postMessage(share),
    unref: () => URL.revokeObjectURL(url),
    terminate: () => worker.terminate(),
  };
}

const ADVICE = "a model loaded with threads: 1 needs none";

/** @throws {UnsupportedError} if the runtime refuses, as Node does under `--permission` */
function spawn(onMessage: OnMessage): HelperWorker {
  try {
    return isNodeLike() ? spawnThread(onMessage) : spawnWebWorker(onMessage);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const message = `A helper thread cannot start: ${reason}; ${ADVICE}`;
    throw new UnsupportedError(message, "threads", { cause });
  }
}

/** The running helpers of one core. */
export class HelperThreads {
  readonly #workers: HelperWorker[] = [];
  #isClosed = false;

  private constructor(private readonly core: Core) {}

  /**
   * Starts `count` helpers and waits until all share the work.
   * @throws {UnsupportedError} if one does not start
   */
  static async start(core: Core, count: number): Promise<HelperThreads> {
    const threads = new HelperThreads(core);
    if (core.share) {
      const share = core.share;
      try {
        await Promise.all(Array.from({ length: count }, () => threads.#spawn(share)));
      } catch (error) {
        threads.close();
        throw error;
      }
    }
    return threads;
  }

  async #spawn(share: CoreShare): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onMessage: OnMessage = (message) => {
      if (message.kind === "ready") return resolve();
      if (this.#isClosed) return;
      reportFailure(this.core.exports, share.memory, message.reason);
      reject(new UnsupportedError(`A helper thread died: ${message.reason}; ${ADVICE}`, "threads"));
    };
    const worker = spawn(onMessage);
    this.#workers.push(worker);
    worker.post(share);
    await promise;
    worker.unref();
  }

  /** Ends all helpers. */
  close(): void {
    this.#isClosed = true;
    this.core.exports.stop_helpers();
    for (const worker of this.#workers.splice(0)) worker.terminate();
  }
}
