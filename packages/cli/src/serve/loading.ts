/** Tells how the models of a server come up, and whether one of them does not at the start. Loads nothing. */
import type { EngineConfig } from "@aha/api";
import type { CommandIo } from "../command.ts";
import { PHASES } from "../model_options.ts";
import { errorLine } from "../terminal/error_line.ts";
import { progressBar } from "../terminal/progress_bar.ts";
import { printable } from "../terminal/size_text.ts";
import { readyLine } from "./greeting.ts";

/** The loads of an engine as its owner sees them. */
export interface Loading {
  /** Rejects when a model does not load at the start: whoever has begun to serve it wants to know. */
  readonly failed: Promise<never>;
  readonly hooks: Pick<EngineConfig, "onProgress" | "onReady" | "onFailure">;
  /** Shows no more progress. */
  stop(): void;
}

/** Watches models of these names; later failures are lines on stderr. */
export function watchLoading(names: readonly string[], io: CommandIo): Loading {
  const pending = new Set(names);
  const bar = progressBar(io);
  const { promise: failed, reject } = Promise.withResolvers<never>();
  failed.catch(() => {}); // nobody may be waiting yet
  return {
    failed,
    hooks: {
      onProgress: (name, { phase, doneBytes, totalBytes }) =>
        bar.update(`${PHASES[phase]} ${printable(name)}`, doneBytes, totalBytes),
      onReady(name, facts) {
        pending.delete(name);
        bar.stop();
        io.error(readyLine(printable(name), facts));
      },
      onFailure(name, error) {
        bar.stop();
        if (pending.has(name)) reject(error);
        else {io.error(
            `aha: ${printable(name)} is lost until somebody asks for it: ${errorLine(error)}\n`,
          );}
      },
    },
    stop: () => bar.stop(),
  };
}
