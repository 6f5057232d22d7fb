/** Calls across to a model's worker and what comes back. Knows no model. */
import { ThreadError } from "@aha/runtime";
import { arrivedError, crossingError } from "./crossing_error.ts";
import type { LoadHooks } from "../model_loader.ts";
import type { ServedEvent } from "../served_model.ts";
import type { FromWorker, ResultOf, ToWorker, WorkerCall, WorkerCalls } from "./worker_protocol.ts";
import { startWorkerThread, type WorkerThread } from "./worker_thread.ts";

/** No worker can be started here. */
export class NoWorkerError extends Error {
  override readonly name = "NoWorkerError";
}

/** A call that has not ended. */
interface OpenCall {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  readonly onEvents?: (events: readonly ServedEvent[]) => void;
}

/** A call as its caller sees it. */
export interface Call<Method extends keyof WorkerCalls> {
  readonly id: number;
  readonly done: Promise<ResultOf<Method>>;
}

/** What a link tells of, besides the results of calls. */
export type LinkHooks = Pick<LoadHooks, "reserve" | "onProgress" | "onLost">;

/** The connection to one worker. It keeps the program alive while calls are open, and not otherwise. */
export class WorkerLink {
  readonly #calls = new Map<number, OpenCall>();
  readonly #started = Promise.withResolvers<void>();
  readonly #thread: WorkerThread;
  #lastId = 0;
  /** Why there is no worker any more. */
  #end: Error | undefined;

  private constructor(
    what: string,
    private readonly hooks: LinkHooks,
    start: typeof startWorkerThread,
  ) {
    this.#started.promise.catch(() => {});
    this.#thread = start({
      onMessage: (message) => this.#take(message),
      onEnd: (reason) => this.#lose(new ThreadError(`The thread of ${what} has died: ${reason}`)),
    });
  }

  /**
   * Starts a worker; `what` names it in errors.
   * @throws {NoWorkerError} if none starts here
   */
  static async start(
    what: string,
    hooks: LinkHooks,
    start: typeof startWorkerThread = startWorkerThread,
  ): Promise<WorkerLink> {
    try {
      const link = new WorkerLink(what, hooks, start);
      await link.#started.promise;
      link.#thread.keepAlive(false);
      return link;
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new NoWorkerError(`A worker for ${what} does not start: ${reason}`, { cause });
    }
  }

  /** Calls a method. Its events come before its promise is settled. */
  call<Method extends keyof WorkerCalls>(
    method: Method,
    args: Parameters<WorkerCalls[Method]>,
    onEvents?: (events: readonly ServedEvent[]) => void,
  ): Call<Method> {
    const id = ++this.#lastId;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const done = promise as Promise<ResultOf<Method>>;
    if (this.#end) {
      reject(this.#end);
      return { id, done };
    }
    this.#calls.set(id, { resolve, reject, onEvents });
    this.#thread.keepAlive(true);
    try {
      this.post({ kind: "call", id, ...{ method, args } as WorkerCall });
    } catch (error) {
      this.#settle(id)?.reject(error); // what cannot be sent
    }
    return { id, done };
  }

  /** Sends what belongs to an open call. */
  post(message: ToWorker): void {
    if (!this.#end) this.#thread.post(message);
  }

  /** Ends the worker; open calls end with this error. */
  end(reason: Error): void {
    this.#lose(reason, true);
  }

  #take(message: FromWorker): void {
    switch (message.kind) {
      case "started":
        if (message.failure === undefined) return this.#started.resolve();
        return this.end(new Error(message.failure));
      case "progress":
        return this.hooks.onProgress?.(message.progress);
      case "plan":
        return void this.#reserve(message.neededBytes);
      case "events":
        for (const { id, events } of message.answers) this.#calls.get(id)?.onEvents?.(events);
        return;
      case "result":
        return this.#settle(message.id)?.resolve(message.value);
      case "failure": {
        const error = arrivedError(message.error);
        this.#settle(message.id)?.reject(error);
        if (error instanceof ThreadError) this.#lose(error);
      }
    }
  }

  async #reserve(neededBytes: number): Promise<void> {
    try {
      await this.hooks.reserve(neededBytes);
      this.post({ kind: "reserved" });
    } catch (error) {
      this.post({ kind: "reserved", error: crossingError(error) });
    }
  }

  #settle(id: number): OpenCall | undefined {
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    if (this.#calls.size === 0) this.#thread.keepAlive(false);
    return call;
  }

  #lose(error: Error, isWanted = false): void {
    if (this.#end) return;
    this.#end = error;
    this.#started.reject(error);
    for (const id of [...this.#calls.keys()]) this.#settle(id)?.reject(error);
    this.#thread.terminate();
    if (!isWanted) this.hooks.onLost(error);
  }
}
