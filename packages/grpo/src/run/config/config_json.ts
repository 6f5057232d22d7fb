/** A run's whole configuration as a file that reads again to the same. Writes no file. */
import { snakeCase } from "../../settings/spelling.ts";
import type { RewardConfig, RunConfig, TaskConfig } from "../run_config.ts";

/** All values under TRL's names, as JSON can hold them: what `readRunConfig` reads to the same configuration. */
export function configJson(config: RunConfig): Record<string, unknown> {
  if (config.kind === "sft") return { ...flat(config), max_grad_norm: config.maxGradNorm ?? 0 };
  const { objective, task, rewards, guards, ...others } = config;
  return {
    ...flat(others),
    task: taskJson(task),
    rewards: rewards.map(rewardJson),
    guards: guards === null ? false : flat(guards),
    max_grad_norm: others.maxGradNorm ?? 0,
    ...flat({ ...objective, delta: Number.isFinite(objective.delta) ? objective.delta : null }),
  };
}

/** Names of an object and of those in it in TRL's spelling. */
function flat(values: object): Record<string, unknown> {
  const entries = Object.entries(values).map(([name, value]) => {
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return [snakeCase(name), isObject ? flat(value) : value];
  });
  return Object.fromEntries(entries);
}

/** The names of options are their task's own. */
function taskJson({ options, ...own }: TaskConfig): Record<string, unknown> {
  return { ...flat(own), ...options };
}

function rewardJson({ options, ...own }: RewardConfig): Record<string, unknown> {
  return { ...flat(own), ...options };
}
