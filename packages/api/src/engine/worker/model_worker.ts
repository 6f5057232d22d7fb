/** The worker's side: a local model answers calls that come as messages. Starts no thread. */
import "@aha/runtime/embedded"; // whatever the engine's thread has provided is not seen here
import { arrivedError, crossingError } from "./crossing_error.ts";
import { loadLocalModel } from "../local_model.ts";
import type { GenerationRequest, ServedModel } from "../served_model.ts";
import { Outbox } from "./outbox.ts";
import {
  type FromWorker,
  tokensOf,
  type ToWorker,
  WINDOW,
  type WorkerCall,
} from "./worker_protocol.ts";

/** The port to the engine's thread, as node:worker_threads has it. */
export interface Port {
  postMessage(message: FromWorker): void;
  on(event: "message", listener: (message: ToWorker) => void): void;
}

/** Serves one model to whoever is at the other end. */
export function serveModel(port: Port): void {
  const worker = new ModelWorker(port);
  port.on("message", (message) => worker.take(message));
  port.postMessage({ kind: "started" });
}

/** A call that has not ended. */
interface OpenCall {
  readonly cancelled: AbortController;
  /** Tokens that may still be sent before some are taken. */
  credit: number;
  onCredit: () => void;
}

/** One model, the calls to it, and what goes back. */
class ModelWorker {
  readonly #calls = new Map<number, OpenCall>();
  #model: ServedModel | undefined;
  #reserved = Promise.withResolvers<void>();
  readonly #outbox: Outbox;

  constructor(private readonly port: Port) {
    this.#outbox = new Outbox((answers) => port.postMessage({ kind: "events", answers }));
  }

  take(message: ToWorker): void {
    if (message.kind === "call") void this.#answer(message.id, message);
    else if (message.kind === "reserved") {
      if (message.error) this.#reserved.reject(arrivedError(message.error));
      else this.#reserved.resolve();
    } else {
      const call = this.#calls.get(message.id);
      if (message.kind === "cancel") call?.cancelled.abort();
      else if (call) call.credit += message.tokens;
      call?.onCredit();
    }
  }

  async #answer(id: number, call: WorkerCall): Promise<void> {
    const open: OpenCall = {
      ...{ cancelled: new AbortController(), credit: WINDOW, onCredit: () => {} },
    };
    this.#calls.set(id, open);
    try {
      const value = await this.#run(id, open, call);
      this.#outbox.flush();
      this.port.postMessage({ kind: "result", id, value });
    } catch (error) {
      this.#outbox.flush();
      this.port.postMessage({ kind: "failure", id, error: crossingError(error) });
    } finally {
      this.#calls.delete(id);
    }
  }

  #run(id: number, open: OpenCall, call: WorkerCall): Promise<unknown> {
    const { signal } = open.cancelled;
    if (call.method === "load") return this.#load(...call.args, signal);
    const model = this.#model;
    if (!model) throw new TypeError("No model is loaded");
    switch (call.method) {
      case "generate":
        return this.#generate(id, open, model, ...call.args);
      case "embed": {
        const [inputs, options] = call.args;
        return model.embed(inputs, { ...options, signal });
      }
      case "tokenize":
        return model.tokenize(...call.args);
      case "tokenBytes":
        return model.tokenBytes(...call.args);
      case "detokenize":
        return model.detokenize(...call.args);
      case "applyTemplate":
        return model.applyTemplate(...call.args);
      case "occupancy":
        return model.load();
      case "close":
        return model.close();
    }
  }

  async #load(...[model, signal]: [Parameters<typeof loadLocalModel>[0], AbortSignal]) {
    this.#model = await loadLocalModel(model, {
      signal,
      onProgress: (progress) => this.port.postMessage({ kind: "progress", progress }),
      reserve: (neededBytes) => {
        this.port.postMessage({ kind: "plan", neededBytes });
        return this.#reserved.promise;
      },
    });
    return this.#model.facts;
  }

  /** Asks for the next event only while the reader has taken enough tokens of those before. */
  async #generate(
    id: number,
    open: OpenCall,
    model: ServedModel,
    request: GenerationRequest,
  ): Promise<void> {
    const { signal } = open.cancelled;
    for await (const event of model.generate(request, signal)) {
      this.#outbox.push(id, event);
      open.credit -= tokensOf(event);
      if (open.credit <= 0) this.#outbox.flush();
      while (open.credit <= 0 && event.type !== "end" && !signal.aborted) {
        await new Promise<void>((resolve) => open.onCredit = resolve);
      }
    }
  }
}
