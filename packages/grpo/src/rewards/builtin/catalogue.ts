/** The built-in rewards by name, with the options that a config file may give them. Creates none by itself. */
import * as option from "../options.ts";
import type { OptionRules } from "../options.ts";
import type { RewardFunction } from "../reward.ts";
import { type AccuracyOptions, accuracyReward, reasoningAccuracyReward } from "./accuracy.ts";
import { type CosineScaledOptions, cosineScaledReward } from "./cosine_scaled.ts";
import { formatReward, tagCountReward, thinkFormatReward } from "./format.ts";
import { type JsonSchemaOptions, jsonSchemaReward } from "./json_schema.ts";
import { type JudgeOptions, judgeReward } from "./judge.ts";
import {
  type LanguageConsistencyOptions,
  languageConsistencyReward,
} from "./language_consistency.ts";
import { type RepetitionPenaltyOptions, repetitionPenaltyReward } from "./repetition_penalty.ts";
import {
  type RewardModelOptions,
  rewardModelReward,
  type ScalarRewardModel,
} from "./reward_model.ts";
import { type SoftOverlongOptions, softOverlongPunishment } from "./soft_overlong.ts";

/** What rewards need to know of the run they are for. */
export interface RewardSetting {
  /** Longest completion in tokens, for rewards that speak of length and are not told one. */
  readonly maxCompletionLength?: number;
  /** Loads the model that `reward_model` names. */
  readonly loadRewardModel?: (name: string) => ScalarRewardModel | Promise<ScalarRewardModel>;
}

/** A built-in reward. */
export interface BuiltInReward {
  /** The first is that of its metrics; the others are accepted. */
  readonly names: readonly string[];
  readonly options: OptionRules;
  readonly create: (
    options: Readonly<Record<string, unknown>>,
    setting: RewardSetting,
  ) => RewardFunction | Promise<RewardFunction>;
}

const ACCURACY: OptionRules = { column: option.text, places: option.oneOf("any", "latex") };
const PART = option.oneOf("answer", "whole");

/** The options as their reward declares them: `readOptions` has checked each. */
function builtIn<Options>(
  names: readonly string[],
  options: OptionRules,
  create: (options: Options, setting: RewardSetting) => RewardFunction | Promise<RewardFunction>,
): BuiltInReward {
  return { names, options, create: (given, setting) => create(given as Options, setting) };
}

/** Without a length of its own a reward takes the run's. */
function length(reward: string, given: number | undefined, setting: RewardSetting): number {
  const found = given ?? setting.maxCompletionLength;
  if (found !== undefined) return found;
  throw new TypeError(`reward ${reward} has no longest length, neither does the run give one`);
}

/** All that a config file can name. */
export const BUILT_IN_REWARDS: readonly BuiltInReward[] = [
  builtIn<AccuracyOptions>(["accuracy_reward", "accuracy"], ACCURACY, accuracyReward),
  builtIn<AccuracyOptions & { delimiters?: string[] }>(
    ["reasoning_accuracy_reward", "reasoning_accuracy"],
    { ...ACCURACY, delimiters: option.texts },
    reasoningAccuracyReward,
  ),
  builtIn(["think_format_reward", "think_format"], {}, thinkFormatReward),
  builtIn(["format_reward", "format"], {}, formatReward),
  builtIn(["tag_count_reward", "tag_count"], {}, tagCountReward),
  builtIn<LanguageConsistencyOptions>(
    ["language_consistency_reward", "language_consistency"],
    {
      language: option.text,
      words: option.text,
      target: option.text,
      part: option.oneOf("reasoning", "whole"),
    },
    languageConsistencyReward,
  ),
  builtIn<Partial<SoftOverlongOptions>>(
    [
      "soft_overlong_punishment_reward",
      "soft_overlong_punishment",
      "soft_overlong",
      "get_soft_overlong_punishment",
    ],
    { maxCompletionLen: option.count, softPunishCache: option.required(option.countOrZero) },
    ({ maxCompletionLen, softPunishCache }, setting) =>
      softOverlongPunishment({
        maxCompletionLen: length("soft_overlong_punishment", maxCompletionLen, setting),
        softPunishCache: softPunishCache!,
      }),
  ),
  builtIn<Partial<CosineScaledOptions>>(
    ["cosine_scaled_reward", "cosine_scaled", "cosine", "get_cosine_scaled_reward"],
    {
      ...ACCURACY,
      maxLen: option.count,
      minValueWrong: option.finiteNumber,
      maxValueWrong: option.finiteNumber,
      minValueCorrect: option.finiteNumber,
      maxValueCorrect: option.finiteNumber,
    },
    ({ maxLen, ...options }, setting) =>
      cosineScaledReward({ ...options, maxLen: length("cosine_scaled", maxLen, setting) }),
  ),
  builtIn<RepetitionPenaltyOptions>(
    ["repetition_penalty_reward", "repetition_penalty", "get_repetition_penalty_reward"],
    {
      ngramSize: option.count,
      maxPenalty: option.finiteNumber,
      unit: option.oneOf("token", "word"),
    },
    repetitionPenaltyReward,
  ),
  builtIn<JsonSchemaOptions>(
    ["json_schema_reward", "json_schema"],
    { schema: option.object, column: option.text, invalid: option.finiteNumber },
    jsonSchemaReward,
  ),
  builtIn<JudgeOptions>(
    ["judge_reward", "judge"],
    {
      url: option.required(option.text),
      model: option.required(option.text),
      template: option.text,
      range: option.range,
      apiKeyEnv: option.text,
      part: PART,
      retries: option.countOrZero,
      requestTimeoutMs: option.positiveNumber,
      concurrency: option.count,
      maxTokens: option.count,
    },
    judgeReward,
  ),
  builtIn<RewardModelOptions & { model: string }>(
    ["reward_model_reward", "reward_model"],
    { model: option.required(option.text), part: PART },
    async ({ model, part }, { loadRewardModel }) => {
      if (!loadRewardModel) {
        throw new TypeError(`reward_model cannot load ${model}: the run gives no loadRewardModel`);
      }
      return rewardModelReward(await loadRewardModel(model), { part });
    },
  ),
];
