/** Starts the thread of a model's worker, in Deno and Node. Knows the messages' form, not their meaning. */
import { builtin, isNodeLike } from "@aha/runtime/host";
import type { FromWorker, ToWorker } from "./worker_protocol.ts";

/** A running worker. */
export interface WorkerThread {
  post(message: ToWorker): void;
  /** Whether it keeps the program alive; at first it does. */
  keepAlive(isKept: boolean): void;
  terminate(): void;
}

/** What comes from a worker. */
export interface WorkerEvents {
  readonly onMessage: (message: FromWorker) => void;
  /** It has ended, whoever ended it; called once. */
  readonly onEnd: (reason: string) => void;
}

/** Whether this host has threads that a server can live with: an isolate has none. */
export function hasThreads(): boolean {
  return isNodeLike() && typeof SharedArrayBuffer === "function";
}

/**
 * Starts a worker; its first message says whether its program could be loaded, which it cannot where a bundler has put all
 * into one file.
 * @throws {Error} if the host refuses
 */
export function startWorkerThread({ onMessage, onEnd }: WorkerEvents): WorkerThread {
  const { Worker } = builtin("node:worker_threads");
  const program = new URL(
    import.meta.url.endsWith(".ts") ? "./model_worker.ts" : "./model_worker.js",
    import.meta.url,
  );
  // Deno's node:worker_threads starts no module from the web, where JSR's are; a data: URL may import one.
  const text = `
    import { parentPort } from "node:worker_threads";
    import(${JSON.stringify(program.href)}).then(
      ({ serveModel }) => serveModel(parentPort),
      (error) => parentPort.postMessage({ kind: "started", failure: String(error) }),
    );
  `;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(text)}`));
  let hasEnded = false;
  const end = (reason: string) => {
    if (hasEnded) return;
    hasEnded = true;
    onEnd(reason);
  };
  worker.on("message", onMessage);
  worker.on("error", (error) => end(error instanceof Error ? error.message : String(error)));
  worker.on("exit", (code) => end(`it ended with code ${code}`));
  return {
    post: (message) => worker.postMessage(message),
    keepAlive: (isKept) => isKept ? worker.ref() : worker.unref(),
    terminate: () => void worker.terminate(),
  };
}
