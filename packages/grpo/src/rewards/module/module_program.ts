/** The program of a reward module's own process: loads it and scores batches that come as messages. Knows no time limits: it is killed from outside. */
import process from "node:process";
import { crossingError, type FromModule, type ToModule } from "./module_protocol.ts";
import { importReward } from "./module_reward.ts";
import type { Reward } from "../reward.ts";

/** Answers one load and then any number of batches, until the run that started it is gone. */
function serveReward(): void {
  let loaded: Reward | undefined;
  const { signal } = new AbortController();
  const tell = (message: FromModule) => void process.send!(message);
  process.on("disconnect", () => process.exit());
  process.on("message", async (message) => {
    const asked = message as ToModule;
    if (asked.kind === "load") {
      try {
        loaded = await importReward(asked.href, asked.exportName);
        const { score: _, ...reward } = loaded;
        tell({ kind: "loaded", reward });
      } catch (error) {
        tell({ kind: "refused", error: crossingError(error) });
      }
      return;
    }
    const { id, batch } = asked;
    try {
      tell({ kind: "scored", id, values: sendable(await loaded!.score(batch, { signal })) });
    } catch (error) {
      tell({ kind: "failed", id, error: crossingError(error) });
    }
  });
}

/** JSON would make null, which is a judgement, of what is no number. */
function sendable(values: unknown): unknown {
  if (!Array.isArray(values) && !ArrayBuffer.isView(values)) return String(values);
  return Array.from(
    values as ArrayLike<unknown>,
    (value) => value === null || Number.isFinite(value) ? value : String(value),
  );
}

if (process.send) serveReward();
