/** Rewards: functions that judge completions, those built in, and how they are named in config files. Defines nothing itself. */
export type { Reward, RewardBatch, RewardFunction, RewardTools } from "./reward.ts";
export {
  type RewardProblem,
  type RewardScores,
  type ScoreOptions,
  scoreRewards,
} from "./score_rewards.ts";
export { type RewardRow, RowErrors, type RowScore, scoreRows } from "./row_errors.ts";
export { readRewards, type ReadRewardsOptions, type RewardChoice } from "./read_rewards.ts";
export { loadRewardModule, type RewardModuleOptions } from "./module/load_reward_module.ts";
export { verifyAnswer, type VerifyOptions } from "./answer/verify_answer.ts";
export type { AnswerPlaces } from "./answer/extract_answer.ts";
export { BUILT_IN_REWARDS, type BuiltInReward, type RewardSetting } from "./builtin/catalogue.ts";
export type { OptionRule, OptionRules } from "./options.ts";
export {
  type AccuracyOptions,
  accuracyReward,
  reasoningAccuracyReward,
} from "./builtin/accuracy.ts";
export { type CosineScaledOptions, cosineScaledReward } from "./builtin/cosine_scaled.ts";
export { formatReward, tagCountReward, thinkFormatReward } from "./builtin/format.ts";
export { type JsonSchemaOptions, jsonSchemaReward } from "./builtin/json_schema.ts";
export { type JudgeOptions, judgeReward } from "./builtin/judge.ts";
export {
  type LanguageConsistencyOptions,
  languageConsistencyReward,
  LANGUAGES,
  type WordClassifier,
} from "./builtin/language_consistency.ts";
export {
  type RepetitionPenaltyOptions,
  repetitionPenaltyReward,
} from "./builtin/repetition_penalty.ts";
export {
  type RewardModelOptions,
  rewardModelReward,
  type ScalarRewardModel,
} from "./builtin/reward_model.ts";
export { type SoftOverlongOptions, softOverlongPunishment } from "./builtin/soft_overlong.ts";
