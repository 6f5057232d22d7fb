/** Reads the values of the objective in either spelling, with defaults, and refuses what is unknown or wrong. Computes nothing. */
import type { GrpoConfig, LossType, ResolvedGrpoConfig, TrlGrpoConfig } from "./config.ts";

const LOSS_TYPES: readonly LossType[] = ["grpo", "bnpo", "dr_grpo", "dapo", "cispo", "sapo"];

/** Gives the value back or throws an error that names the key. */
type Check<Value> = (value: unknown, key: string) => Value;

type Checks = { readonly [Name in keyof ResolvedGrpoConfig]: Check<ResolvedGrpoConfig[Name]> };

const CHECKS: Checks = {
  lossType: oneOf(LOSS_TYPES),
  importanceSamplingLevel: oneOf(["token", "sequence"]),
  epsilon: number("a number of at least 0", (value) => value >= 0 && value < Infinity),
  epsilonHigh: number("a number of at least 0", (value) => value >= 0 && value < Infinity),
  delta: number("a number above 0", (value) => value > 0),
  beta: number("a number of at least 0", (value) => value >= 0 && value < Infinity),
  useBiasCorrectionKl: boolean,
  topEntropyQuantile: number("a number from 0 to 1", (value) => value >= 0 && value <= 1),
  sapoTemperaturePos: number("a number above 0", (value) => value > 0 && value < Infinity),
  sapoTemperatureNeg: number("a number above 0", (value) => value > 0 && value < Infinity),
  temperature: number("a number above 0", (value) => value > 0 && value < Infinity),
  maxCompletionLength: number("a whole number above 0", isCount),
  gradientAccumulationSteps: number("a whole number above 0", isCount),
  stepsPerGeneration: number("a whole number above 0", isCount),
};

/** What is not here depends on other values, see `readGrpoConfig`. */
const DEFAULTS = {
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
  ...(Object.keys(CHECKS) as (keyof GrpoConfig)[]).flatMap((name) =>
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
    Object.assign(given, { [name]: CHECKS[name](value, key) });
  }
  const values = { ...DEFAULTS, ...given };
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

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value > 0;
}

function number(wanted: string, accepts: (value: number) => boolean): Check<number> {
  return (value, key) => {
    if (typeof value !== "number") {
      throw new TypeError(`${key} is ${JSON.stringify(value)}, it must be ${wanted}`);
    }
    if (!accepts(value)) throw new RangeError(`${key} is ${value}, it must be ${wanted}`);
    return value;
  };
}

function boolean(value: unknown, key: string): boolean {
  if (typeof value === "boolean") return value;
  throw new TypeError(`${key} is ${JSON.stringify(value)}, it must be true or false`);
}

function oneOf<Value extends string>(choices: readonly Value[]): Check<Value> {
  return (value, key) => {
    const found = choices.find((choice) => choice === value);
    if (found) return found;
    const message = `${key} is ${JSON.stringify(value)}, it must be one of ${choices.join(", ")}`;
    throw typeof value === "string" ? new RangeError(message) : new TypeError(message);
  };
}
