/** The values of the GRPO objective, each with its source, in TypeScript's spelling and in TRL's. Types only: `read_config.ts` checks. */

/** How a token's loss is formed and how tokens are summed up; docs/losses.md derives each. */
export type LossType = "grpo" | "bnpo" | "dr_grpo" | "dapo" | "cispo" | "sapo";

/** Whether the importance ratio belongs to a token or to a whole completion. */
export type ImportanceSamplingLevel = "token" | "sequence";

/**
 * The values of the objective. All are optional; `null` is the same as leaving out. Defaults are
 * TRL's but for `useBiasCorrectionKl`.
 */
export interface GrpoConfig {
  /**
   * The loss, by default `"dapo"`. `"grpo"`: DeepSeekMath 2402.03300, section 4.1.1. `"bnpo"`: mean
   * over the tokens of this batch alone. `"dr_grpo"`: 2503.20783, section 3.2. `"dapo"`:
   * 2503.14476, section 3.3. `"cispo"`: MiniMax-M1 2506.13585, section 3.1. `"sapo"`: 2511.20347,
   * section 3.
   */
  readonly lossType?: LossType | null;
  /**
   * `"token"` (default): a ratio for each token (DeepSeekMath). `"sequence"`: one a completion, the
   * geometric mean of its tokens' ratios (GSPO 2507.18071, section 4.1).
   */
  readonly importanceSamplingLevel?: ImportanceSamplingLevel | null;
  /**
   * How far below 1 the ratio may fall before clipping, by default 0.2. DAPO 0.2 (section 4.1); R1
   * 10, so that nothing is clipped below (2501.12948v2, methods); GSPO 3e-4 (section 5.1).
   */
  readonly epsilon?: number | null;
  /**
   * How far above 1 it may rise, by default `epsilon`. DAPO 0.28 (sections 3.1 and 4.1), GSPO 4e-4
   * (section 5.1). With `"cispo"` it is the largest weight itself, not its distance from 1, and has
   * no default: 5 in ScaleRL (2510.13786).
   */
  readonly epsilonHigh?: number | null;
  /**
   * Largest ratio of the unclipped side, by default none: bounds the loss where the advantage is
   * negative. Should exceed `1 + epsilonHigh`. INTELLECT-2 2505.07291: 4 (section 4.1). For
   * `"grpo"`, `"bnpo"`, `"dr_grpo"` and `"dapo"`; the others ignore it, as in TRL.
   */
  readonly delta?: number | null;
  /**
   * Weight of the divergence from the reference model, by default 0: none is needed then.
   * DeepSeekMath 0.04 (section 4.2), R1 0.001 (methods), DAPO 0 (section 2.3).
   */
  readonly beta?: number | null;
  /**
   * Whether the divergence is multiplied by the importance ratio, through which the gradient goes
   * too (DeepSeek-V3.2 2512.02556, section 3.1). By default false, the estimator of DeepSeekMath
   * (2402.03300, eq. 4) and R1; **TRL's default is true** since it has the option.
   */
  readonly useBiasCorrectionKl?: boolean | null;
  /**
   * Share of tokens, those of highest entropy, that take part in the policy term, by default 1, all
   * of them. 0.2 in "Beyond the 80/20 rule" (2506.01939, section 5). The divergence keeps all tokens.
   */
  readonly topEntropyQuantile?: number | null;
  /** SAPO's temperature where the advantage is positive, by default 1 (2511.20347, section 3). */
  readonly sapoTemperaturePos?: number | null;
  /** SAPO's temperature where it is not, by default 1.05 (2511.20347, section 3). */
  readonly sapoTemperatureNeg?: number | null;
  /**
   * Temperature of sampling, by default 1. `policyLoss` does not apply it: its log-probabilities are
   * those of softmax(logits / temperature) already. R1: 1, and 0.7 in its last stage (methods).
   */
  readonly temperature?: number | null;
  /**
   * Most tokens of a completion, by default 512. What `"dr_grpo"` divides by instead of lengths
   * (2503.20783, section 3.2).
   */
  readonly maxCompletionLength?: number | null;
  /**
   * Batches whose gradients are summed up to one step of the optimizer, by default 1: each one's
   * loss is a part of the step's.
   */
  readonly gradientAccumulationSteps?: number | null;
  /**
   * Batches that one round of sampling is cut into, by default `gradientAccumulationSteps`.
   * `numItemsInBatch` counts the tokens of all of them.
   */
  readonly stepsPerGeneration?: number | null;
}

/** A name in TRL's spelling: `lossType` as `loss_type`. */
export type SnakeCase<Name extends string> = Name extends `${infer First}${infer Rest}`
  ? `${First extends Lowercase<First> ? First : `_${Lowercase<First>}`}${SnakeCase<Rest>}`
  : "";

/** The same values under TRL's names. */
export type TrlGrpoConfig =
  & { readonly [Name in keyof GrpoConfig as SnakeCase<Name & string>]: GrpoConfig[Name] }
  & {
    /** Another name for `use_bias_correction_kl`. */
    readonly kl_bias_correction?: boolean | null;
  };

/** All values set; `delta` is Infinity where there is none. */
export type ResolvedGrpoConfig = {
  readonly [Name in keyof GrpoConfig]-?: NonNullable<GrpoConfig[Name]>;
};
