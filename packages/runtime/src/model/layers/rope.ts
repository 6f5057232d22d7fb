/** A model's rotary position embedding, with the scaling it was trained with. Rotates nothing itself. */
import type { Ops, Rope } from "../../ops.ts";
import type { ModelConfig } from "../config.ts";
import type { ParameterSource } from "../language_model.ts";
import { yarnDivisors, yarnMagnitude } from "./yarn.ts";

/**
 * Llama 3's long-context scaling (2407.21783) comes as one divisor a pair in the file, linear scaling and YaRN as numbers
 * that are made into divisors here.
 */
export async function loadRope(
  pairing: Rope["pairing"],
  config: ModelConfig,
  source: ParameterSource,
  ops: Ops,
): Promise<Rope> {
  const { headSize, rotarySize, ropeBase: base, ropeLinearFactor, yarn } = config;
  const rope: Rope = { headSize, rotarySize, base, pairing };
  const pairs = rotarySize / 2;
  if (source.has("rope_freqs.weight")) {
    return { ...rope, frequencyFactors: await source.vector("rope_freqs.weight", pairs) };
  }
  if (yarn) {
    const divisors = yarnDivisors(yarn, rotarySize, base);
    const magnitude = yarnMagnitude(yarn);
    return { ...rope, frequencyFactors: ops.tensor(divisors, [pairs]), magnitude };
  }
  if (ropeLinearFactor === 1) return rope;
  return {
    ...rope,
    frequencyFactors: ops.tensor(new Float32Array(pairs).fill(ropeLinearFactor), [pairs]),
  };
}
