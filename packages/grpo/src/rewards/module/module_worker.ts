/** A reward module in a worker that is ended when its time is over, and started again for the next batch. Imports no module itself. */
import { builtin } from "@aha/runtime/host";
import type { RewardBatch, RewardTools } from "../reward.ts";
import {
  arrivedError,
  type FromModule,
  type ModuleReward,
  type ToModule,
} from "./module_protocol.ts";

type Scores = readonly (number | null)[];

/** A started worker, loaded or about to be. */
interface Thread {
  readonly loaded: Promise<ModuleReward>;
  post(message: ToModule): void;
  terminate(): void;
  keepAlive(isKept: boolean): void;
}

/** What waits for an answer. */
type Calls = Map<number, PromiseWithResolvers<Scores>>;

/** Loading may not take longer. */
const LOAD_TIMEOUT_MS = 60_000;

/** One module's worker. */
export class ModuleWorker {
  readonly #href: string;
  readonly #exportName: string;
  readonly #calls: Calls = new Map();
  #thread: Thread | undefined;
  #lastId = 0;

  constructor(href: string, exportName: string) {
    this.#href = href;
    this.#exportName = exportName;
  }

  /** Starts the worker if there is none and gives what the module says of its reward. */
  load(): Promise<ModuleReward> {
    this.#thread ??= startThread(this.#href, this.#exportName, this.#calls, () => this.#lose());
    return this.#thread.loaded;
  }

  /** Scores a batch; when the signal aborts, the worker is ended, whatever it is doing. */
  async score(batch: RewardBatch, { signal }: RewardTools): Promise<Scores> {
    await this.load();
    signal.throwIfAborted();
    const thread = this.#thread;
    if (!thread) throw new Error("the worker ended while the module was loaded");
    const id = ++this.#lastId;
    const call = Promise.withResolvers<Scores>();
    this.#calls.set(id, call);
    const abort = () => {
      thread.terminate();
      this.#lose(signal.reason);
    };
    signal.addEventListener("abort", abort, { once: true });
    thread.keepAlive(true);
    try {
      thread.post({ kind: "score", id, batch });
      return await call.promise;
    } finally {
      signal.removeEventListener("abort", abort);
      this.#calls.delete(id);
      if (this.#calls.size === 0) thread.keepAlive(false);
    }
  }

  /** Forgets the worker; the next batch starts another. */
  #lose(reason: unknown = new Error("the worker ended by itself")): void {
    this.#thread = undefined;
    for (const call of this.#calls.values()) call.reject(reason);
  }
}

function startThread(href: string, exportName: string, calls: Calls, onEnd: () => void): Thread {
  const { Worker } = builtin("node:worker_threads");
  const program = new URL(
    import.meta.url.endsWith(".ts") ? "./module_program.ts" : "./module_program.js",
    import.meta.url,
  );
  // A data: URL may import a module from the web, which Deno's node:worker_threads does not start.
  const text = `
    import { parentPort } from "node:worker_threads";
    import { serveReward } from ${JSON.stringify(program.href)};
    serveReward(parentPort);
  `;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(text)}`));
  const loaded = Promise.withResolvers<ModuleReward>();
  const timer = setTimeout(() => {
    loaded.reject(
      new DOMException(`${href} was not loaded in ${LOAD_TIMEOUT_MS} ms`, "TimeoutError"),
    );
    void worker.terminate();
  }, LOAD_TIMEOUT_MS);
  const settle = () => clearTimeout(timer);
  loaded.promise.then(settle, settle);
  const end = (reason: string) => {
    loaded.reject(new Error(`the worker of ${href} ended: ${reason}`));
    onEnd();
  };
  worker.on("message", (message: FromModule) => {
    if (message.kind === "loaded") loaded.resolve(message.reward);
    else if (message.kind === "refused") {
      loaded.reject(arrivedError(message.error));
      void worker.terminate();
    } else if (message.kind === "scored") calls.get(message.id)?.resolve(message.values as Scores);
    else calls.get(message.id)?.reject(arrivedError(message.error));
  });
  worker.on("error", (error) => end(error instanceof Error ? error.message : String(error)));
  worker.on("exit", (code) => end(`code ${code}`));
  worker.postMessage({ kind: "load", href, exportName } satisfies ToModule);
  loaded.promise.then(() => calls.size === 0 && worker.unref(), () => {});
  return {
    loaded: loaded.promise,
    post: (message) => worker.postMessage(message),
    terminate: () => void worker.terminate(),
    keepAlive: (isKept) => isKept ? worker.ref() : worker.unref(),
  };
}
