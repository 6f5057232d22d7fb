/** Reads the values of the objective in either spelling, with defaults, and refuses what is unknown or wrong. Computes nothing. */
import type { GrpoConfig, LossType, ResolvedGrpoConfig, TrlGrpoConfig } from "./config.ts";
import { count, type Field, flag, number, oneOf } from "./settings/field.ts";
import { snakeCase } from "./settings/spelling.ts";

const LOSS_TYPES: readonly LossType[] = ["grpo", "bnpo", "dr_grpo", "dapo", "cispo", "sapo"];

/** How each is read, with one line about it; `config.ts` tells more. */
export const OBJECTIVE_FIELDS: {
  readonly [Name in keyof ResolvedGrpoConfig]: Field<ResolvedGrpoConfig[Name]> & {
    readonly help: string;
  };
} = {
  lossType: { ...oneOf(LOSS_TYPES), help: "the loss; docs/losses.md derives each" },
  importanceSamplingLevel: {
    ...oneOf(["token", "sequence"]),
    help: "whether a ratio belongs to a token or to a completion (GSPO)",
  },
  epsilon: { ...number({ min: 0 }), help: "how far below 1 the ratio may fall before clipping" },
  epsilonHigh: {
    ...number({ min: 0 }),
    help: "how far above 1 it may rise (left out: epsilon); with cispo the largest weight itself",
  },
  delta: {
    ...number({ above: 0, takesInfinity: true }),
    help: "largest ratio of the unclipped side (left out: none)",
  },
  beta: { ...number({ min: 0 }), help: "weight of the divergence from the reference model" },
  useBiasCorrectionKl: {
    ...flag,
    help: "whether the divergence is multiplied by the importance ratio (TRL: true)",
  },
  topEntropyQuantile: {
    ...number({ min: 0, max: 1 }),
    help: "share of tokens, those of highest entropy, in the policy term",
  },
  sapoTemperaturePos: {
    ...number({ above: 0 }),
    help: "SAPO's temperature where the advantage is positive",
  },
  sapoTemperatureNeg: { ...number({ above: 0 }), help: "SAPO's temperature where it is not" },
  temperature: { ...number({ above: 0 }), help: "temperature of sampling" },
  maxCompletionLength: { ...count, help: "most tokens of a completion" },
  gradientAccumulationSteps: {
    ...count,
    help: "batches whose gradients are summed up to one step of the optimizer",
  },
  stepsPerGeneration: {
    ...count,
    help: "batches that one round of sampling is cut into (left out: gradient_accumulation_steps)",
  },
};

/** What is not here depends on other values, see `readGrpoConfig`. */
export const OBJECTIVE_DEFAULTS = {
  lossType: "dapo",
  importanceSamplingLevel: "token",
  epsilon: 0.2,
  delta: Infinity,
  beta: 0,
  useBiasCorrectionKl: false,
  topEntropyQuantile: 1,
  sapoTemperaturePos: 1,
  sapoTemperatureNeg: 1.05,
  temperature: 1,
  maxCompletionLength: 512,
  gradientAccumulationSteps: 1,
} as const satisfies GrpoConfig;

/** Names by every spelling that is accepted. */
const NAMES: ReadonlyMap<string, keyof GrpoConfig> = new Map([
  ...(Object.keys(OBJECTIVE_FIELDS) as (keyof GrpoConfig)[]).flatMap((name) =>
    [[name, name], [snakeCase(name), name]] as const
  ),
  ["kl_bias_correction", "useBiasCorrectionKl"],
]);

/**
 * All values of the objective, with defaults for those left out. Takes TypeScript's names and TRL's;
 * `null` counts as left out.
 *
 * Throws a TypeError for an unknown key, a value of the wrong type or a key given twice, a
 * RangeError for a value out of range; both name the key.
 *
 * @example
 * ```ts
 * import { readGrpoConfig } from "@aha/grpo";
 *
 * const { epsilonHigh, lossType } = readGrpoConfig({ loss_type: "grpo", epsilon: 0.1 });
 * console.log(lossType, epsilonHigh); // grpo 0.1
 * ```
 */
export function readGrpoConfig(config: GrpoConfig | TrlGrpoConfig): ResolvedGrpoConfig {
  const given: { -readonly [Name in keyof ResolvedGrpoConfig]?: ResolvedGrpoConfig[Name] } = {};
  for (const [key, value] of Object.entries(config)) {
    const name = NAMES.get(key);
    if (!name) throw new TypeError(`${key} is no value of the GRPO objective`);
    if (value === null || value === undefined) continue;
    if (name in given) throw new TypeError(`${key} is given twice, in two spellings`);
    Object.assign(given, { [name]: OBJECTIVE_FIELDS[name].read(value, key) });
  }
  const values = { ...OBJECTIVE_DEFAULTS, ...given };
  if (values.lossType === "cispo" && !given.epsilonHigh) {
    throw new RangeError(
      `epsilon_high is ${given.epsilonHigh ?? "missing"}, cispo needs the largest weight there ` +
        "(5 in ScaleRL)",
    );
  }
  return {
    ...values,
    epsilonHigh: given.epsilonHigh ?? values.epsilon,
    stepsPerGeneration: given.stepsPerGeneration ?? values.gradientAccumulationSteps,
  };
}
