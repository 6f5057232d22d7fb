/** Rewards out of a config file: built-in ones by name, others by the path of their module. Runs none. */
import { BUILT_IN_REWARDS, type RewardSetting } from "./builtin/catalogue.ts";
import { loadRewardModule } from "./module/load_reward_module.ts";
import * as option from "./options.ts";
import type { Reward } from "./reward.ts";

/** A reward as config files have it; the further keys are options of that reward, in TypeScript's or TRL's spelling. */
export interface RewardChoice {
  /** Of a built-in reward, or the path of a module: what holds a slash or ends as a script does. */
  readonly name: string;
  /** Factor in the sum. Default: the module's own, else 1. */
  readonly weight?: number;
  /** Default: the module's own, else 60,000. */
  readonly timeoutMs?: number;
  /** Name of its metrics, for two rewards of one kind. */
  readonly metric?: string;
  readonly [option: string]: unknown;
}

/** What `readRewards` may need besides. */
export interface ReadRewardsOptions extends RewardSetting {
  /** Folder that paths of modules start from: that of the config file. Default: the current one. */
  readonly folder?: string;
}

const SHARED: option.OptionRules = {
  name: option.required(option.text),
  weight: option.finiteNumber,
  timeoutMs: option.positiveNumber,
  metric: option.text,
};

/** Of reward modules. */
const MODULE: option.OptionRules = { export: option.text, process: option.flag };

/**
 * The rewards that a config names, in its order; a name alone stands for `{ name }`.
 *
 * A path names a module, see `loadRewardModule`; its options are `export` and `process`. Throws a TypeError for an unknown reward or option, a
 * missing or wrong one, and rejects with what loading a module throws.
 *
 * @example
 * ```ts
 * import { readRewards } from "@aha/grpo/rewards";
 *
 * const rewards = await readRewards([
 *   { name: "accuracy", column: "answer" },
 *   { name: "soft_overlong_punishment", weight: 0.5, soft_punish_cache: 32 },
 *   "think_format",
 * ], { maxCompletionLength: 256 });
 * console.log(rewards.map(({ name }) => name)); // accuracy_reward, soft_overlong_punishment_reward, think_format_reward
 * ```
 */
export function readRewards(
  configs: readonly (string | RewardChoice)[],
  options: ReadRewardsOptions = {},
): Promise<Reward[]> {
  return Promise.all(
    configs.map((config) =>
      readReward(typeof config === "string" ? { name: config } : config, options)
    ),
  );
}

async function readReward(
  config: RewardChoice,
  { folder, ...setting }: ReadRewardsOptions,
): Promise<Reward> {
  const { name } = config;
  if (typeof name !== "string" || name === "") {
    throw new TypeError(`a reward has the name ${JSON.stringify(name)}, it must be a text`);
  }
  const isModule = /[/\\]|\.[cm]?[jt]s$/.test(name);
  const builtIn = BUILT_IN_REWARDS.find(({ names }) => names.includes(name));
  if (!isModule && !builtIn) {
    const known = BUILT_IN_REWARDS.map(({ names }) => names[1]).join(", ");
    throw new TypeError(
      `there is no reward ${name}; there are ${known}, and paths such as ./my_reward.ts`,
    );
  }
  const rules = isModule ? MODULE : builtIn!.options;
  const given = option.readOptions(name, config, { ...rules, ...SHARED });
  const own = Object.fromEntries(
    Object.keys(rules).flatMap((key) => key in given ? [[key, given[key]]] : []),
  );
  const reward: Reward = isModule
    ? await loadRewardModule(name, {
      folder,
      exportName: given.export as string | undefined,
      process: given.process as boolean | undefined,
    })
    : { name: builtIn!.names[0], score: await builtIn!.create(own, setting) };
  return {
    ...reward,
    name: (given.metric as string | undefined) ?? reward.name,
    ...("weight" in given && { weight: given.weight as number }),
    ...("timeoutMs" in given && { timeoutMs: given.timeoutMs as number }),
  };
}
