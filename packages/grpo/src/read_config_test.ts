/** Both spellings of the configuration, its defaults and what it refuses. Computes no loss. */
import { assertEquals, assertThrows } from "@std/assert";
import type { GrpoConfig, TrlGrpoConfig } from "./config.ts";
import { readGrpoConfig } from "./read_config.ts";

Deno.test("defaults are TRL's, but for the corrected divergence", () => {
  assertEquals(readGrpoConfig({}), {
    lossType: "dapo",
    importanceSamplingLevel: "token",
    epsilon: 0.2,
    epsilonHigh: 0.2,
    delta: Infinity,
    beta: 0,
    useBiasCorrectionKl: false,
    topEntropyQuantile: 1,
    sapoTemperaturePos: 1,
    sapoTemperatureNeg: 1.05,
    temperature: 1,
    maxCompletionLength: 512,
    gradientAccumulationSteps: 1,
    stepsPerGeneration: 1,
  });
});

Deno.test("both spellings mean the same, null is the default, and what was read reads again", () => {
  const trl: TrlGrpoConfig = {
    loss_type: "cispo",
    importance_sampling_level: "sequence",
    epsilon: 0.1,
    epsilon_high: 5,
    delta: null,
    beta: 0.04,
    kl_bias_correction: true,
    top_entropy_quantile: 0.2,
    sapo_temperature_pos: 2,
    sapo_temperature_neg: 3,
    temperature: 0.7,
    max_completion_length: 16,
    gradient_accumulation_steps: 2,
    steps_per_generation: 4,
  };
  const own: GrpoConfig = {
    lossType: "cispo",
    importanceSamplingLevel: "sequence",
    epsilon: 0.1,
    epsilonHigh: 5,
    beta: 0.04,
    useBiasCorrectionKl: true,
    topEntropyQuantile: 0.2,
    sapoTemperaturePos: 2,
    sapoTemperatureNeg: 3,
    temperature: 0.7,
    maxCompletionLength: 16,
    gradientAccumulationSteps: 2,
    stepsPerGeneration: 4,
  };
  assertEquals(readGrpoConfig(trl), readGrpoConfig(own));
  assertEquals(readGrpoConfig(readGrpoConfig(own)), readGrpoConfig(own));
  assertEquals(readGrpoConfig({ use_bias_correction_kl: true }).useBiasCorrectionKl, true);
});

Deno.test("what one value leaves out follows another", () => {
  assertEquals(readGrpoConfig({ epsilon: 0.1 }).epsilonHigh, 0.1);
  assertEquals(readGrpoConfig({ epsilon: 0.1, epsilonHigh: 0 }).epsilonHigh, 0);
  assertEquals(readGrpoConfig({ gradientAccumulationSteps: 3 }).stepsPerGeneration, 3);
});

Deno.test("unknown keys, keys given twice and values of the wrong type are refused by name", () => {
  const refuse = (config: Record<string, unknown>, message: string) =>
    assertThrows(() => readGrpoConfig(config as GrpoConfig), TypeError, message);
  refuse({ epsilonhigh: 0.28 }, "epsilonhigh is no value");
  refuse({ num_generations: 8 }, "num_generations is no value");
  refuse({ toString: 1 }, "toString is no value");
  refuse({ lossType: "grpo", loss_type: "dapo" }, "loss_type is given twice");
  refuse({ kl_bias_correction: true, use_bias_correction_kl: true }, "given twice");
  refuse({ epsilon: "0.2" }, 'epsilon is "0.2", it must be a number');
  refuse({ loss_type: 3 }, "loss_type is 3, it must be one of grpo");
  refuse({ kl_bias_correction: 1 }, "kl_bias_correction is 1, it must be true or false");
});

Deno.test("values out of range are refused by name", () => {
  const refuse = (config: Record<string, unknown>, message: string) =>
    assertThrows(() => readGrpoConfig(config as GrpoConfig), RangeError, message);
  refuse({ loss_type: "vespo" }, 'loss_type is "vespo", it must be one of grpo, bnpo');
  refuse({ importanceSamplingLevel: "word" }, "importanceSamplingLevel");
  for (const value of [-0.1, NaN, Infinity]) {
    for (const key of ["epsilon", "epsilonHigh", "beta"]) refuse({ [key]: value }, `${key} is`);
  }
  for (const value of [0, -1, NaN]) {
    refuse({ delta: value }, `delta is ${value}`);
    for (const key of ["temperature", "sapo_temperature_pos", "sapo_temperature_neg"]) {
      refuse({ [key]: value }, `${key} is ${value}`);
    }
  }
  for (const value of [0, 1.5, NaN]) {
    for (const key of ["max_completion_length", "gradient_accumulation_steps"]) {
      refuse({ [key]: value }, `${key} is ${value}, it must be a whole number`);
    }
    refuse({ stepsPerGeneration: value }, "stepsPerGeneration");
  }
  refuse({ topEntropyQuantile: 1.1 }, "topEntropyQuantile is 1.1");
});

Deno.test("cispo asks for its largest weight", () => {
  assertThrows(() => readGrpoConfig({ lossType: "cispo" }), RangeError, "epsilon_high is missing");
});
