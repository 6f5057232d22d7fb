/** A model in a worker's thread, so that this one stays free while a step runs. Computes nothing. */
import type { LoadHooks, ModelToLoad } from "../model_loader.ts";
import type { GenerationRequest, ModelFacts, ServedEvent, ServedModel } from "../served_model.ts";
import { WorkerLink } from "./worker_link.ts";
import type { startWorkerThread } from "./worker_thread.ts";
import { type ResultOf, tokensOf, WINDOW, type WorkerCalls } from "./worker_protocol.ts";

/** How long a worker may take to close its model, or to leave off loading, before it is ended in the middle of it. */
const CLOSE_MS = 5_000;

/**
 * Loads a model in a worker.
 * @throws {NoWorkerError} if none starts here; else what `loadModel` throws
 */
export async function loadWorkerModel(
  model: ModelToLoad,
  hooks: LoadHooks,
  start?: typeof startWorkerThread,
): Promise<ServedModel> {
  hooks.signal.throwIfAborted();
  const { name } = model;
  const state = { isLoaded: false };
  const onLost = (error: Error) => state.isLoaded && hooks.onLost(error); // before that the load fails
  const what = `the model ${JSON.stringify(name)}`;
  const link = await WorkerLink.start(what, { ...hooks, onLost }, start);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = () => timer = setTimeout(() => link.end(closed()), CLOSE_MS);
  hooks.signal.addEventListener("abort", limit);
  try {
    const facts = await called(link, "load", [model], hooks.signal);
    state.isLoaded = true;
    return workerModel(name, facts, link);
  } catch (error) {
    link.end(closed());
    throw error;
  } finally {
    hooks.signal.removeEventListener("abort", limit);
    clearTimeout(timer);
  }
}

function workerModel(name: string, facts: ModelFacts, link: WorkerLink): ServedModel {
  return {
    ...{ name, facts },
    generate: (request, signal) => answer(link, request, signal),
    embed: (inputs, { signal, ...options } = {}) =>
      called(link, "embed", [inputs, options], signal),
    tokenize: (...args) => called(link, "tokenize", args),
    tokenBytes: (...args) => called(link, "tokenBytes", args),
    detokenize: (...args) => called(link, "detokenize", args),
    applyTemplate: (...args) => called(link, "applyTemplate", args),
    load: () => called(link, "occupancy", []),
    close: async () => {
      const { done } = link.call("close", []);
      const { promise: late, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, CLOSE_MS);
      await Promise.race([done.catch(() => {}), late]);
      clearTimeout(timer);
      link.end(closed());
    },
  };
}

const closed = () => new TypeError("The model is closed");

/** Calls a method; aborted, waits until the worker has left off and throws the signal's reason. */
async function called<Method extends keyof WorkerCalls>(
  link: WorkerLink,
  method: Method,
  args: Parameters<WorkerCalls[Method]>,
  signal?: AbortSignal,
): Promise<ResultOf<Method>> {
  signal?.throwIfAborted();
  const { id, done } = link.call(method, args);
  const cancel = () => link.post({ kind: "cancel", id });
  signal?.addEventListener("abort", cancel);
  try {
    return await done;
  } catch (error) {
    throw signal?.aborted ? signal.reason : error;
  } finally {
    signal?.removeEventListener("abort", cancel);
  }
}

/** The events of an answer. A reader who leaves waits until the worker has left off, so that the place is free then. */
async function* answer(
  link: WorkerLink,
  request: GenerationRequest,
  signal?: AbortSignal,
): AsyncGenerator<ServedEvent> {
  signal?.throwIfAborted();
  const arrived: ServedEvent[] = [];
  let end: { readonly error?: unknown } | undefined;
  let wake = () => {};
  const { id, done } = link.call("generate", [request], (events) => {
    arrived.push(...events);
    wake();
  });
  const settled = done.then(() => end = {}, (error) => end = { error }).then(() => wake());
  const cancel = () => link.post({ kind: "cancel", id });
  signal?.addEventListener("abort", cancel);
  let taken = 0;
  try {
    for (;;) {
      const event = arrived.shift();
      if (event) {
        signal?.throwIfAborted();
        yield event;
        taken += tokensOf(event);
        if (taken < WINDOW / 2) continue;
        link.post({ kind: "taken", id, tokens: taken });
        taken = 0;
      } else if (end) {
        if (!("error" in end)) return;
        throw signal?.aborted ? signal.reason : end.error;
      } else await new Promise<void>((resolve) => wake = resolve);
    }
  } finally {
    signal?.removeEventListener("abort", cancel);
    if (!end) {
      cancel();
      await settled;
    }
  }
}
