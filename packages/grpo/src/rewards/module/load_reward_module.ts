/** Loads reward functions that users have written, from a path. Judges nothing. */
import { builtin } from "@aha/runtime/host";
import type { Reward } from "../reward.ts";
import { importReward } from "./module_reward.ts";
import { ModuleProcess } from "./module_process.ts";

/** Options of `loadRewardModule`. */
export interface RewardModuleOptions {
  /** Folder that relative paths start from. Default: the current one. */
  readonly folder?: string;
  /** Export that holds the reward. Default `default`. */
  readonly exportName?: string;
  /** Whether it runs in a process of its own, which is killed when its time is over. Default true. */
  readonly process?: boolean;
}

/**
 * The reward that a module exports: a `RewardFunction`, or a `Reward` as an object. It is named after the file unless it
 * says a name.
 *
 * In a process of its own (default) even an endless loop costs no more than its time limit: the process is killed, its rows are
 * null, and the next batch starts another (about 0.2 s), so that what the module kept in variables is lost. Batches go there
 * as JSON. In Deno it takes `--allow-run`, and the module has all permissions. Otherwise the function shares this program's thread, variables and fate.
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
  { folder = ".", exportName = "default", process = true }: RewardModuleOptions = {},
): Promise<Reward> {
  const href = path.startsWith("file:")
    ? new URL(path).href
    : builtin("node:url").pathToFileURL(builtin("node:path").resolve(folder, path)).href;
  if (!process) return await importReward(href, exportName);
  const module = new ModuleProcess(href, exportName);
  const reward = await module.load();
  return { ...reward, score: (batch, tools) => module.score(batch, tools) };
}
