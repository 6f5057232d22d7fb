/** Reads the configuration of a run: both spellings, presets, defaults, and what values must fit together. Reads no file. */
import { readGrpoConfig } from "../../read_config.ts";
import type { GrpoConfig } from "../../config.ts";
import { wrongType } from "../../settings/field.ts";
import { readJsonText } from "../../settings/json_text.ts";
import { readSettings } from "../../settings/settings_table.ts";
import { nearestName, snakeCase } from "../../settings/spelling.ts";
import { roundSizes } from "../../trainer/settings.ts";
import type { GrpoRunConfig, RunConfig, SftRunConfig } from "../run_config.ts";
import { gatherLora, gatherRewardWeights } from "./flat_names.ts";
import { PRESETS, presetValues } from "./presets.ts";
import {
  ALIASES,
  GRPO_SETTINGS,
  OBJECTIVE_NAMES,
  SFT_ALIASES,
  SFT_SETTINGS,
} from "./run_settings.ts";
import { REFUSED_NAMES } from "./trl_names.ts";

/** Kinds of runs. */
export const KINDS = ["grpo", "sft"] as const;

/**
 * A configuration from JSON or JSONC; `name` stands in messages.
 * @throws {SyntaxError} naming line and column where it is no JSON
 * @throws {TypeError} and {RangeError} as `readRunConfig`
 */
export function parseRunConfig(text: string, name: string): RunConfig {
  return readRunConfig(readJsonText(text, name));
}

/**
 * All values of a run, with defaults for those left out: TRL's, but where `docs/trl.md` says so. Takes TypeScript's names
 * and TRL's; `preset` names published settings that the others change, what begins with `$` is not looked at.
 * @throws {TypeError} for an unknown name (with the nearest known one), a value of the wrong type, one that is missing
 * @throws {RangeError} for values out of range, those that do not fit together, and names of TRL's that are refused
 *
 * @example
 * ```ts
 * import { readRunConfig } from "@aha/grpo";
 *
 * const config = readRunConfig({
 *   model: "smollm2-135m",
 *   lora: { rank: 8 },
 *   task: { file: "problems.jsonl" },
 *   rewards: ["accuracy", { name: "format", weight: 0.5 }],
 *   preset: "r1-zero",
 *   per_device_train_batch_size: 16,
 * });
 * console.log(config.kind, config.learningRate); // grpo 0.000003
 * ```
 */
export function readRunConfig(given: unknown): RunConfig {
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    throw wrongType("The configuration", given, "an object of names and values");
  }
  const named = Object.entries(given).filter(([key]) => !key.startsWith("$"));
  const { kind = "grpo", preset, ...values } = Object.fromEntries(named);
  if (kind === "sft" && preset === undefined) return readSft(values);
  if (kind === "sft") throw new RangeError("preset is given, runs of kind sft have none");
  if (kind !== "grpo") {
    throw new RangeError(`kind is ${JSON.stringify(kind)}, it must be one of ${KINDS.join(", ")}`);
  }
  return readGrpo(withPreset(preset, values));
}

/** Values that are given go before those of the preset, in whichever spelling. */
function withPreset(preset: unknown, values: Record<string, unknown>): Record<string, unknown> {
  if (preset === undefined || preset === null) return values;
  const found = PRESETS.find(({ name }) => name === preset);
  if (!found) {
    const names = PRESETS.map(({ name }) => name);
    const nearest = typeof preset === "string" ? nearestName(preset, names) : undefined;
    const hint = nearest ? `did you mean ${nearest}?` : `it must be one of ${names.join(", ")}`;
    throw new RangeError(`preset is ${JSON.stringify(preset)}; ${hint}`);
  }
  const given = new Set(Object.keys(values).map((key) => snakeCase(ALIASES.get(key) ?? key)));
  if (given.has("generation_batch_size")) given.add("steps_per_generation");
  const others = Object.entries(presetValues(found)).filter(([key]) => !given.has(key));
  return { ...Object.fromEntries(others), ...values };
}

function readGrpo(given: Record<string, unknown>): GrpoRunConfig {
  const { values: flat, weights } = gatherRewardWeights(gatherLora(given));
  const read = readSettings(GRPO_SETTINGS, flat, { aliases: ALIASES, refused: REFUSED_NAMES });
  const { generationBatchSize, ...values } = read;
  const objective: Record<string, unknown> = {};
  const others: Record<string, unknown> = { ...values };
  for (const name of OBJECTIVE_NAMES) {
    objective[name] = others[name];
    delete others[name];
  }
  const batch = values.perDeviceTrainBatchSize;
  if (generationBatchSize !== null) {
    objective.stepsPerGeneration = batchesOf(generationBatchSize, batch, values.stepsPerGeneration);
  }
  const config = {
    kind: "grpo",
    ...others,
    rewards: weights ? withWeights(values.rewards, weights) : values.rewards,
    objective: readGrpoConfig(objective as GrpoConfig),
  } as GrpoRunConfig;
  checkTogether(config);
  return config;
}

function readSft(given: Record<string, unknown>): SftRunConfig {
  const options = { aliases: SFT_ALIASES, refused: REFUSED_NAMES };
  return { kind: "sft", ...readSettings(SFT_SETTINGS, gatherLora(given), options) };
}

function batchesOf(generationBatch: number, batch: number, steps: unknown): number {
  if (typeof steps === "number") {
    throw new RangeError(
      "generation_batch_size and steps_per_generation are both given: each follows from the other",
    );
  }
  if (generationBatch % batch === 0) return generationBatch / batch;
  throw new RangeError(
    `generation_batch_size is ${generationBatch}, it must be a multiple of ` +
      `per_device_train_batch_size (${batch})`,
  );
}

function withWeights(
  rewards: GrpoRunConfig["rewards"],
  weights: readonly number[],
): GrpoRunConfig["rewards"] {
  if (weights.length === rewards.length) {
    return rewards.map((reward, i) => ({ ...reward, weight: weights[i] }));
  }
  throw new RangeError(
    `reward_weights has ${weights.length} weights, it must have one for each of ${rewards.length} rewards`,
  );
}

function checkTogether(config: GrpoRunConfig): void {
  const { objective, rewards } = config;
  roundSizes(config);
  if (config.syncRefModel && objective.beta === 0) {
    throw new RangeError("sync_ref_model is true, but beta is 0: there is no reference model");
  }
  if (config.syncRefModel && config.refModelMixupAlpha !== 1) {
    throw new RangeError(
      `ref_model_mixup_alpha is ${config.refModelMixupAlpha}, it must be 1: the reference model is ` +
        "replaced by the policy, not mixed",
    );
  }
  const metrics = rewards.map(({ name, options }) => options.metric ?? name);
  const twice = metrics.find((name, at) => metrics.indexOf(name) < at);
  if (twice !== undefined) {
    throw new RangeError(
      `rewards has ${JSON.stringify(twice)} twice: give one a metric of its own`,
    );
  }
}
