/** Loads reward functions that users have written, from a path. Judges nothing. */
import { builtin } from "@aha/runtime/host";
import type { Reward } from "../reward.ts";
import { importReward } from "./module_reward.ts";
import { ModuleWorker } from "./module_worker.ts";

/** Options of `loadRewardModule`. */
export interface RewardModuleOptions {
  /** Folder that relative paths start from. Default: the current one. */
  readonly folder?: string;
  /** Export that holds the reward. Default `default`. */
  readonly exportName?: string;
  /** Whether it runs in a worker, which is ended when its time is over. Default true. */
  readonly worker?: boolean;
}

/**
 * The reward that a module exports: a `RewardFunction`, or a `Reward` as an object. It is named after the file unless it
 * says a name.
 *
 * In a worker (default) even an endless loop costs no more than its time limit: the worker is ended, its rows are null,
 * and the next batch starts another, so that what the module kept in variables is lost. Prompts, completions and columns cross as structured
 * clones. Without a worker the function shares this thread, its variables and its loops.
 *
 * Rejects with what the import throws, with a TypeError if the export is no reward, and where there are no files (browsers).
 *
 * @example
 * ```ts
 * import { loadRewardModule } from "@aha/grpo/rewards";
 *
 * const load = () => loadRewardModule("./my_reward.ts", { folder: "configs" });
 * ```
 */
export async function loadRewardModule(
  path: string,
  { folder = ".", exportName = "default", worker = true }: RewardModuleOptions = {},
): Promise<Reward> {
  const href = path.startsWith("file:")
    ? new URL(path).href
    : builtin("node:url").pathToFileURL(builtin("node:path").resolve(folder, path)).href;
  if (!worker) return await importReward(href, exportName);
  const module = new ModuleWorker(href, exportName);
  const reward = await module.load();
  return { ...reward, score: (batch, tools) => module.score(batch, tools) };
}
