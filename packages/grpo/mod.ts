/** Aha's training package: for now the mathematics of GRPO as pure functions. The public face; defines nothing itself. */
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
