/** The worker's side of a reward module: loads it and scores batches that come as messages. Knows no time limits: it is ended from outside. */
import { crossingError, type FromModule, type ToModule } from "./module_protocol.ts";
import { importReward } from "./module_reward.ts";
import type { Reward } from "../reward.ts";

/** The port to the run's thread, as node:worker_threads has it. */
export interface ModulePort {
  postMessage(message: FromModule): void;
  on(event: "message", listener: (message: ToModule) => void): void;
}

/** Answers one load and then any number of batches. */
export function serveReward(port: ModulePort): void {
  let loaded: Reward | undefined;
  const { signal } = new AbortController();
  port.on("message", async (message) => {
    if (message.kind === "load") {
      try {
        loaded = await importReward(message.href, message.exportName);
        const { score: _, ...reward } = loaded;
        port.postMessage({ kind: "loaded", reward });
      } catch (error) {
        port.postMessage({ kind: "refused", error: crossingError(error) });
      }
      return;
    }
    const { id, batch } = message;
    try {
      port.postMessage({ kind: "scored", id, values: await loaded!.score(batch, { signal }) });
    } catch (error) {
      port.postMessage({ kind: "failed", id, error: crossingError(error) });
    }
  });
}
