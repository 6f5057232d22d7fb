/** Chooses the thread that a model runs in. Loads nothing itself. */
import type { EngineConfig } from "./engine_config.ts";
import type { ModelLoader } from "./model_loader.ts";
import { loadWorkerModel } from "./worker/worker_model.ts";
import { NoWorkerError } from "./worker/worker_link.ts";
import { hasThreads, type startWorkerThread } from "./worker/worker_thread.ts";

/** What loads models as `EngineConfig.thread` says. */
export function modelLoader(
  thread: EngineConfig["thread"] = "auto",
  start?: typeof startWorkerThread,
): ModelLoader {
  return async (model, hooks) => {
    const inThisThread = async () => {
      const { loadLocalModel } = await import("./local_model.ts");
      return await loadLocalModel(model, hooks);
    };
    if (thread === "same" || (thread === "auto" && !hasThreads())) return await inThisThread();
    try {
      return await loadWorkerModel(model, hooks, start);
    } catch (error) {
      if (thread === "worker" || !(error instanceof NoWorkerError)) throw error;
      return await inThisThread();
    }
  };
}
