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
export type { CountedSequence } from "./src/policy/micro_batches.ts";
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
export type { Sample, StepRecord } from "./src/run/step_record.ts";
export { type GrpoParts, GrpoTrainer } from "./src/trainer/grpo_trainer.ts";
export { type GrpoSettings, type RoundSizes, roundSizes } from "./src/trainer/settings.ts";
