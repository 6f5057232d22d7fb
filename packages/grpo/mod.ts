/** Aha's training package: the mathematics of GRPO, a tape over the runtime's ops, parameters and optimizers. The public face; defines nothing itself. */
export {
  type AdvantageOptions,
  type AdvantageScale,
  groupAdvantages,
  type Reward,
} from "./src/advantage.ts";
export type {
  GrpoConfig,
  ImportanceSamplingLevel,
  LossType,
  ResolvedGrpoConfig,
  SnakeCase,
  TrlGrpoConfig,
} from "./src/config.ts";
export { readGrpoConfig } from "./src/read_config.ts";
export { policyLoss, type PolicyLossResult } from "./src/loss/policy_loss.ts";
export type { PolicyLossInput, TokenRows } from "./src/loss/active_tokens.ts";
export type { GradientPlaces, WeightUse } from "./src/autograd/recorder.ts";
export { Tape, type TapeOptions } from "./src/autograd/tape.ts";
export { type LoraOptions, newAdapters } from "./src/parameters/new_adapters.ts";
export { ParameterSet, type TrainedParameter } from "./src/parameters/parameter_set.ts";
export { adapterParameters, fullParameters } from "./src/parameters/trained_parameters.ts";
export { AdamWOptimizer, type AdamWOptions, type OptimizerStep } from "./src/optim/adamw.ts";
export { clipFactor, gradientNorm } from "./src/optim/clip.ts";
export { learningRateAt, type Schedule, type ScheduleType } from "./src/optim/schedule.ts";
export { type BalanceLoss, balanceLoss, type RouterRows } from "./src/optim/balance_loss.ts";
export { updatedRouterBias } from "./src/optim/router_bias.ts";
export {
  adapterPolicy,
  baseNetwork,
  fullPolicy,
  type Network,
  type Policy,
  policyNetwork,
} from "./src/policy/policy.ts";
export type { CountedSequence } from "./src/policy/counted_sequence.ts";
export {
  addGradients,
  type GradientPassOptions,
  type PassOptions,
  tokenLogps,
  type TokenValues,
} from "./src/policy/token_pass.ts";
export { type TrainingRow, trainingSequences } from "./src/sft/training_rows.ts";
export { packedBatches, type PackingOptions, streamSequences } from "./src/sft/packing.ts";
export { type SftSettings, SftTrainer } from "./src/sft/sft_trainer.ts";
export { type GrpoParts, GrpoTrainer } from "./src/trainer/grpo_trainer.ts";
export {
  type GrpoSettings,
  type RoundSettings,
  type RoundSizes,
  roundSizes,
} from "./src/trainer/settings.ts";
export { readJsonText } from "./src/settings/json_text.ts";
export { parseRunConfig, readRunConfig } from "./src/run/config/read_run_config.ts";
export { settingName } from "./src/run/config/run_settings.ts";
export { configJson } from "./src/run/config/config_json.ts";
export { type Preset, PRESETS, presetValues } from "./src/run/config/presets.ts";
export type {
  BuiltInTask,
  CommonRunConfig,
  FileTask,
  GrpoRunConfig,
  LoraConfig,
  RewardConfig,
  RunConfig,
  SftRunConfig,
  TaskConfig,
} from "./src/run/run_config.ts";
export { recorded } from "./src/run/record/recorded.ts";
export { readRunFolder, writeRunReport } from "./src/run/record/run_folder.ts";
export { StepFile, type StepLine } from "./src/run/record/step_file.ts";
export { RUN_FILES, type Sample, type StepRecord } from "./src/run/step_record.ts";
export type { RunStart, Trainer, TrainHooks, TrainSummary } from "./src/run/trainer.ts";
export { htmlReport, type ReportOptions } from "./src/report/html_report.ts";
export { REFLECTIONS, runReport, runSections } from "./src/report/run_report.ts";
export type { RunData, StepNumbers, StepSample, StepWarning } from "./src/report/run_data.ts";
export type {
  BarsSection,
  Cell,
  CurvePoint,
  CurveSection,
  SamplesSection,
  Section,
  TableSection,
  TextSection,
} from "./src/report/sections.ts";
export { numberText } from "./src/report/number_text.ts";
export { type ThoughtParts, thoughtParts, wordCount } from "./src/report/thought_parts.ts";
export { exportBlob, exportModel, type ExportOptions } from "./src/model/export_model.ts";
export { nanoTokenizer } from "./src/model/nano_tokenizer.ts";
export { newModel } from "./src/model/new_model.ts";
export {
  type DenseShape,
  type ExpertShape,
  type LatentShape,
  type MixtureShape,
  type ModelShape,
  SHAPES,
} from "./src/model/shape.ts";
export {
  type TokenizerMetadata,
  tokenizerOf,
  type WordRoles,
  wordTokenizer,
} from "./src/model/word_tokenizer.ts";
export {
  addDocumentGradients,
  type DocumentPass,
  type DocumentPassOptions,
} from "./src/pretrain/document_pass.ts";
export {
  type DocumentStream,
  pretrain,
  type PretrainConfig,
  PretrainTrainer,
  type TrainingDocument,
} from "./src/pretrain/pretrain.ts";
export {
  type Comparison,
  judgedPair,
  type PreferencePair,
  readPreferencePairs,
} from "./src/reward_model/preference_pairs.ts";
export {
  type LoadedRewardModel,
  loadRewardModel,
  rewardModelOf,
  writeRewardModel,
} from "./src/reward_model/reward_model.ts";
export { type RewardSettings, RewardTrainer } from "./src/reward_model/reward_trainer.ts";
export {
  type ScoredParts,
  type ScoredPolicy,
  scoredPolicy,
} from "./src/reward_model/scored_policy.ts";
export { train } from "./src/run/launch/train.ts";
