/** Losses and gradients against a plain twin and finite differences, over all options and at the bounds. No numbers of others. */
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { byDifferences, plainPolicyLoss } from "../../../../tests/support/plain_policy_loss.ts";
import { policyBatch } from "../../../../tests/support/policy_batch.ts";
import {
  FINITE_DIFFERENCE_ABSOLUTE,
  PLAIN_LOSS_RELATIVE,
} from "../../../../tests/support/tolerance.ts";
import type { GrpoConfig, LossType } from "../config.ts";
import { readGrpoConfig } from "../read_config.ts";
import { policyLoss } from "./policy_loss.ts";

const LOSSES: readonly LossType[] = ["grpo", "bnpo", "dr_grpo", "dapo", "cispo", "sapo"];
const CLIP = { epsilon: 0.2, epsilonHigh: 0.28 };
const [LOW, HIGH] = [1 - CLIP.epsilon, 1 + CLIP.epsilonHigh];

/** All combinations of one choice from each list. */
function combinations(...choices: readonly (readonly GrpoConfig[])[]): GrpoConfig[] {
  return choices.reduce<GrpoConfig[]>(
    (all, own) => all.flatMap((config) => own.map((choice) => ({ ...config, ...choice }))),
    [{}],
  );
}

/** Divergence, level, choice of tokens and splitting; `delta` lies beyond and between the bounds. */
const OPTIONS = combinations(
  [{ importanceSamplingLevel: "token" }, { importanceSamplingLevel: "sequence" }],
  [{}, { beta: 0.3 }, { beta: 0.3, useBiasCorrectionKl: true }],
  [{}, { delta: 1.4 }, { delta: 1.1 }],
  [{}, { topEntropyQuantile: 0.4 }],
  [{}, { gradientAccumulationSteps: 2, stepsPerGeneration: 6, maxCompletionLength: 9 }],
);

for (const lossType of LOSSES) {
  Deno.test(`${lossType}: losses and gradients are those of the plain loss, for all options`, () => {
    for (const options of OPTIONS) {
      const epsilonHigh = lossType === "cispo" ? 1.2 : CLIP.epsilonHigh;
      const config = readGrpoConfig({ ...CLIP, lossType, epsilonHigh, ...options });
      const bounds = [LOW, HIGH, ...(options.delta ? [options.delta] : [])];
      for (const seed of [1, 2]) {
        const drawn = policyBatch(seed, bounds);
        for (const batch of [drawn, { ...drawn, oldLogps: undefined }]) {
          const { loss, gradLogps } = policyLoss(batch, config);
          const message = `${JSON.stringify(options)}, ${batch.oldLogps ? "off" : "on"} policy`;
          const plain = plainPolicyLoss(batch, config);
          assertAlmostEquals(
            loss,
            plain,
            PLAIN_LOSS_RELATIVE * Math.max(1, Math.abs(plain)),
            message,
          );
          const wanted = byDifferences(batch, config).flat();
          assert(wanted.some((value) => value !== 0), message);
          wanted.forEach((value, n) => {
            const actual = gradLogps.flatMap((row) => [...row])[n];
            assertAlmostEquals(
              actual,
              value,
              FINITE_DIFFERENCE_ABSOLUTE,
              `${message}, ${n}: ${actual}, not ${value}`,
            );
          });
        }
      }
    }
  });
}

/** One token with this ratio and advantage, exactly: 1 and 2 have logarithms that exp takes back. */
function single(ratio: 1 | 2, advantage: number, config: GrpoConfig) {
  const batch = { logps: [[-1]], oldLogps: [[-1 - Math.log(ratio)]], mask: [[1]] };
  const { loss, gradLogps } = policyLoss({ ...batch, advantages: [advantage] }, config);
  return { loss, gradient: gradLogps[0][0] };
}

Deno.test("clipping: at a bound the gradient passes, beyond it none does", () => {
  const at = (epsilonHigh: number, advantage: number) =>
    single(2, advantage, { epsilon: 0.5, epsilonHigh });
  assertEquals(at(1, 3), { loss: -6, gradient: -6 });
  assertEquals(at(0.999, 3), { loss: -1.999 * 3, gradient: 0 });
  assertEquals(at(1.001, 3), { loss: -6, gradient: -6 });
  // A completion worse than others learns however likely it has become.
  assertEquals(at(0.5, -3), { loss: 6, gradient: 6 });
});

Deno.test("clipping: without any room, what has not moved still learns", () => {
  for (const advantage of [2, -2]) {
    const { gradient } = single(1, advantage, { epsilon: 0, epsilonHigh: 0 });
    assertEquals(gradient, -advantage);
  }
});

Deno.test("delta: bounds the loss and stops the gradient where the advantage is negative", () => {
  const at = (delta: number, advantage: number) => single(2, advantage, { epsilonHigh: 4, delta });
  assertEquals(at(2, -3), { loss: 6, gradient: 6 });
  // The other side of the minimum is not capped, and is the smaller one.
  assertEquals(at(1.5, -3), { loss: 6, gradient: 6 });
  assertEquals(single(2, -3, { epsilonHigh: 1, delta: 1.5 }), { loss: 6, gradient: 6 });
  const clipped = (delta: number) => single(2, -3, { epsilonHigh: 0.2, delta });
  assertEquals(clipped(2), { loss: 6, gradient: 6 });
  assertEquals(clipped(1.999), { loss: 1.999 * 3, gradient: 0 });
});

Deno.test("a ratio beyond any number: where clipping holds, loss and gradient stay finite", () => {
  const batch = { logps: [[-1, -2]], oldLogps: [[-900, -2]], mask: [[1, 1]], advantages: [1] };
  const { loss, gradLogps } = policyLoss(batch, { lossType: "grpo" });
  assertAlmostEquals(loss, -(1.2 + 1) / 2, 1e-12);
  assertEquals([...gradLogps[0]], [0, -0.5]);
  const neutral = policyLoss({ ...batch, advantages: [0] }, { lossType: "grpo" });
  assertEquals([neutral.loss, ...neutral.gradLogps[0]], [0, 0, 0]);
});
