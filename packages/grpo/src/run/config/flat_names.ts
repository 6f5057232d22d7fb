/** TRL's flat names of what is nested here: adapters and weights of rewards. Checks no value. */
import { list, number } from "../../settings/field.ts";

const LORA_NAMES: ReadonlySet<string> = new Set([
  "lora_r",
  "lora_alpha",
  "lora_dropout",
  "lora_target_modules",
  "use_rslora",
]);

/** TRL's `lora_r`, `lora_alpha`, ... moved into `lora`; `use_peft` alone asks for adapters with all defaults. */
export function gatherLora(values: Record<string, unknown>): Record<string, unknown> {
  const isFlat = (key: string): boolean => LORA_NAMES.has(key);
  const isGiven = (value: unknown): boolean => value !== null && value !== undefined;
  const flat = Object.entries(values).filter(([key, value]) => isFlat(key) && isGiven(value));
  const others = Object.fromEntries(Object.entries(values).filter(([key]) => !isFlat(key)));
  const { use_peft: usesAdapters, ...rest } = others;
  if (flat.length === 0 && usesAdapters !== true) return others;
  if (isGiven(values.lora)) {
    if (flat.length === 0) return rest;
    throw new TypeError(`${flat[0][0]} and lora are both given, give lora alone`);
  }
  if (usesAdapters === false) {
    throw new RangeError(`use_peft is false, but ${flat[0][0]} is given`);
  }
  return { ...(usesAdapters === true ? rest : others), lora: Object.fromEntries(flat) };
}

const WEIGHTS = list(number(), "a list of numbers");

/** TRL's `reward_weights`, one for each reward in order. */
export function gatherRewardWeights(
  values: Record<string, unknown>,
): { readonly values: Record<string, unknown>; readonly weights?: readonly number[] } {
  const { reward_weights: snake, rewardWeights: camel, ...others } = values;
  const given = snake ?? camel;
  if (given === undefined || given === null) return { values: others };
  return { values: others, weights: WEIGHTS.read(given, "reward_weights") };
}
