/** A reward module in a process of its own, which is killed when its time is over and started again for the next batch. Imports no module itself. */
import { builtin } from "@aha/runtime/host";
import type { RewardBatch, RewardTools } from "../reward.ts";
import {
  arrivedError,
  type FromModule,
  type ModuleReward,
  type ToModule,
} from "./module_protocol.ts";

type Scores = readonly (number | null)[];

/** A started process, loaded or about to be. */
interface Started {
  readonly loaded: Promise<ModuleReward>;
  post(message: ToModule): void;
  kill(): void;
  keepAlive(isKept: boolean): void;
}

/** What waits for an answer. */
type Calls = Map<number, PromiseWithResolvers<Scores>>;

/** Loading may not take longer. */
const LOAD_TIMEOUT_MS = 60_000;

/**
 * One module's process. A thread would be lighter, but Deno (2.9) cannot end one that is in a loop: `terminate` comes back
 * and the loop goes on taking a core.
 */
export class ModuleProcess {
  readonly #href: string;
  readonly #exportName: string;
  readonly #calls: Calls = new Map();
  #started: Started | undefined;
  #lastId = 0;

  constructor(href: string, exportName: string) {
    this.#href = href;
    this.#exportName = exportName;
  }

  /** Starts the process if there is none and gives what the module says of its reward. */
  load(): Promise<ModuleReward> {
    if (!this.#started) {
      const started = start(this.#href, this.#exportName, this.#calls, () => {
        if (this.#started === started) this.#lose();
      });
      this.#started = started;
    }
    return this.#started.loaded;
  }

  /** Scores a batch; when the signal aborts, the process is killed, whatever it is doing. */
  async score(batch: RewardBatch, { signal }: RewardTools): Promise<Scores> {
    await this.load();
    signal.throwIfAborted();
    const started = this.#started;
    if (!started) throw new Error("the process ended while the module was loaded");
    const id = ++this.#lastId;
    const call = Promise.withResolvers<Scores>();
    this.#calls.set(id, call);
    const abort = () => {
      started.kill();
      this.#lose(signal.reason);
    };
    signal.addEventListener("abort", abort, { once: true });
    started.keepAlive(true);
    try {
      started.post({ kind: "score", id, batch: plainBatch(batch) });
      return await call.promise;
    } finally {
      signal.removeEventListener("abort", abort);
      this.#calls.delete(id);
      if (this.#calls.size === 0) started.keepAlive(false);
    }
  }

  /** Forgets the process; the next batch starts another. */
  #lose(reason: unknown = new Error("the process ended by itself")): void {
    this.#started = undefined;
    for (const call of this.#calls.values()) call.reject(reason);
  }
}

/** Messages are JSON, in which a typed array is none. */
function plainBatch(batch: RewardBatch): RewardBatch {
  return { ...batch, completionIds: batch.completionIds.map((ids) => Array.from(ids)) };
}

function start(href: string, exportName: string, calls: Calls, onEnd: () => void): Started {
  const program = new URL(
    import.meta.url.endsWith(".ts") ? "./module_program.ts" : "./module_program.js",
    import.meta.url,
  );
  const path = program.protocol === "file:"
    ? builtin("node:url").fileURLToPath(program)
    : program.href;
  // What the module prints goes to stderr: stdout may be somebody's JSON.
  const child = builtin("node:child_process").fork(path, [], { stdio: ["ignore", 2, 2, "ipc"] });
  const loaded = Promise.withResolvers<ModuleReward>();
  const timer = setTimeout(() => {
    const message = `${href} was not loaded in ${LOAD_TIMEOUT_MS} ms`;
    loaded.reject(new DOMException(message, "TimeoutError"));
    child.kill("SIGKILL");
  }, LOAD_TIMEOUT_MS);
  const keepAlive = (isKept: boolean) => {
    const [process, channel] = [child, child.channel as { ref?(): void; unref?(): void } | null];
    if (isKept) process.ref(), channel?.ref?.();
    else process.unref(), channel?.unref?.();
  };
  const end = (reason: string) => {
    loaded.reject(new Error(`the process of ${href} ended: ${reason}`));
    onEnd();
  };
  child.on("message", (message) => {
    const said = message as FromModule;
    if (said.kind === "loaded") loaded.resolve(said.reward);
    else if (said.kind === "refused") {
      loaded.reject(arrivedError(said.error));
      child.kill("SIGKILL");
    } else if (said.kind === "scored") calls.get(said.id)?.resolve(said.values as Scores);
    else calls.get(said.id)?.reject(arrivedError(said.error));
  });
  child.on("error", (error) => end(error.message));
  child.on("exit", (code, signal) => end(signal ?? `code ${code}`));
  child.send({ kind: "load", href, exportName } satisfies ToModule);
  const settle = () => {
    clearTimeout(timer);
    if (calls.size === 0) keepAlive(false);
  };
  loaded.promise.then(settle, settle);
  return {
    loaded: loaded.promise,
    post: (message) => void child.send(message),
    kill: () => void child.kill("SIGKILL"),
    keepAlive,
  };
}
