/** What holds for every loss, whatever its formula: padding, splitting, empty batches, refusals. Formulas: policy_loss_gradient_test.ts. */
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertNotEquals,
  assertThrows,
} from "@std/assert";
import { policyBatch } from "../../../../tests/support/policy_batch.ts";
import { PLAIN_LOSS_RELATIVE } from "../../../../tests/support/tolerance.ts";
import type { GrpoConfig, LossType } from "../config.ts";
import type { PolicyLossInput } from "./active_tokens.ts";
import { policyLoss } from "./policy_loss.ts";

const LOSSES: readonly LossType[] = ["grpo", "bnpo", "dr_grpo", "dapo", "cispo", "sapo"];

/** Every loss with every term, token and sequence level. */
const CONFIGS: readonly GrpoConfig[] = LOSSES.flatMap((lossType) =>
  (["token", "sequence"] as const).map((importanceSamplingLevel) => ({
    lossType,
    importanceSamplingLevel,
    epsilonHigh: 1.28,
    beta: 0.1,
    useBiasCorrectionKl: true,
    topEntropyQuantile: 0.5,
  }))
);

const nameOf = ({ lossType, importanceSamplingLevel }: GrpoConfig) =>
  `${lossType}, ${importanceSamplingLevel}`;

/** Some rows of a batch. */
function rowsOf(batch: PolicyLossInput, from: number, to?: number): PolicyLossInput {
  const cut = <T>(rows?: ArrayLike<T>) => rows && Array.from(rows).slice(from, to);
  return {
    logps: cut(batch.logps) ?? [],
    oldLogps: cut(batch.oldLogps),
    refLogps: cut(batch.refLogps),
    mask: cut(batch.mask) ?? [],
    advantages: cut(batch.advantages) ?? [],
    entropies: cut(batch.entropies),
    numItemsInBatch: batch.numItemsInBatch,
  };
}

Deno.test("padding and masked places change no bit, and their gradient is 0", () => {
  const ragged = policyBatch(3, [0.8, 1.28]);
  const width = 9;
  const pad = (rows: PolicyLossInput["logps"], value: number) =>
    rows.map((row) => Array.from({ length: width }, (_, at) => at < row.length ? row[at] : value));
  const padded = {
    ...ragged,
    logps: pad(ragged.logps, 7),
    oldLogps: pad(ragged.oldLogps, -Infinity),
    refLogps: pad(ragged.refLogps, NaN),
    entropies: pad(ragged.entropies, 1e30),
    mask: pad(ragged.mask, 0),
  };
  for (const config of CONFIGS) {
    const a = policyLoss(ragged, config);
    const b = policyLoss(padded, config);
    assertEquals([b.loss, b.metrics], [a.loss, a.metrics], nameOf(config));
    b.gradLogps.forEach((row, i) => {
      assertEquals(row.length, width);
      assertEquals([...row.slice(0, ragged.mask[i].length)], [...a.gradLogps[i]]);
      row.forEach((value, at) => assert(ragged.mask[i][at] === 1 || value === 0));
    });
  }
});

Deno.test("inputs are left as they are", () => {
  const batch = policyBatch(4, [0.8, 1.28]);
  const before = structuredClone(batch);
  for (const config of CONFIGS) policyLoss(batch, config);
  assertEquals(batch, before);
});

Deno.test("two micro-batches add up to one batch, but for bnpo, whose mean is each one's own", () => {
  const batch = rowsOf(policyBatch(5, [0.8, 1.28]), 0, 4);
  for (const { topEntropyQuantile: _, ...config } of CONFIGS) {
    const whole = policyLoss(batch, config);
    const half = { ...config, gradientAccumulationSteps: 2 };
    const [a, b] = [rowsOf(batch, 0, 2), rowsOf(batch, 2)].map((part) => policyLoss(part, half));
    if (config.lossType === "bnpo") {
      assertNotEquals(Math.fround(a.loss + b.loss), Math.fround(whole.loss));
      continue;
    }
    assertAlmostEquals(a.loss + b.loss, whole.loss, PLAIN_LOSS_RELATIVE, nameOf(config));
    [...a.gradLogps, ...b.gradLogps].flatMap((row) => [...row]).forEach((value, n) => {
      const wanted = whole.gradLogps.flatMap((row) => [...row])[n];
      assertAlmostEquals(value, wanted, PLAIN_LOSS_RELATIVE, nameOf(config));
    });
  }
});

Deno.test("on policy, GRPO's gradient is that of DeepSeekMath's appendix", () => {
  const { oldLogps: _, ...batch } = policyBatch(6, []);
  const beta = 0.04;
  const { gradLogps } = policyLoss(batch, { lossType: "grpo", beta });
  gradLogps.forEach((row, i) => {
    const length = Array.from(batch.mask[i]).filter(Boolean).length;
    row.forEach((value, at) => {
      if (!batch.mask[i][at]) return;
      const pull = Math.exp(batch.refLogps[i][at] - batch.logps[i][at]) - 1;
      const wanted = -(batch.advantages[i] + beta * pull) / (batch.logps.length * length);
      assertAlmostEquals(value, wanted, PLAIN_LOSS_RELATIVE);
    });
  });
});

Deno.test("at sequence level, tokens of a completion share one gradient of the policy's term", () => {
  const batch = policyBatch(7, []);
  const config = { lossType: "grpo", importanceSamplingLevel: "sequence", epsilon: 5 } as const;
  const { gradLogps } = policyLoss(batch, config);
  gradLogps.forEach((row, i) => {
    const own = [...row].filter((_, at) => batch.mask[i][at] === 1);
    assert(own.every((value) => value === own[0] && value !== 0), `row ${i}`);
  });
});

Deno.test("without advantages only the divergence is left, and on the reference nothing", () => {
  const batch = { ...policyBatch(8, []), advantages: [0, 0, 0, 0, 0] };
  for (const config of CONFIGS) {
    const { beta: _, ...free } = config;
    const { loss, gradLogps } = policyLoss(batch, free);
    assertEquals(loss, 0, nameOf(config));
    assert(gradLogps.every((row) => row.every((value) => value === 0)), nameOf(config));
    const kept = policyLoss({ ...batch, refLogps: batch.logps }, config);
    assertEquals(kept.loss, 0, nameOf(config));
    assert(kept.gradLogps.every((row) => row.every((value) => value === 0)), nameOf(config));
    assert(policyLoss(batch, config).loss > 0, nameOf(config));
  }
});

Deno.test("a batch without tokens has no loss and no gradient", () => {
  const batch = policyBatch(9, []);
  const mask = batch.mask.map((row) => Array.from(row, () => 0));
  for (const config of CONFIGS) {
    const { loss, gradLogps } = policyLoss({ ...batch, mask, numItemsInBatch: undefined }, config);
    assertEquals(loss, 0, nameOf(config));
    assert(gradLogps.every((row) => row.every((value) => value === 0)), nameOf(config));
  }
});

Deno.test("what does not fit is refused, by name", () => {
  const batch = policyBatch(10, []);
  const refuse = (change: Partial<PolicyLossInput>, message: string, config: GrpoConfig = {}) =>
    assertThrows(() => policyLoss({ ...batch, ...change }, config), RangeError, message);
  refuse({ logps: [], mask: [], advantages: [] }, "logps has no rows");
  refuse({ advantages: [1] }, "advantages has 1 values for 5 rows");
  refuse({ advantages: [1, 2, NaN, 3, 4] }, "advantages[2] is NaN");
  refuse({ mask: batch.mask.slice(1) }, "mask has 4 rows, logps has 5");
  refuse({ refLogps: batch.refLogps.with(3, [-1, -1]) }, "refLogps[3] has 2 tokens, logps has 1");
  refuse({ mask: batch.mask.with(3, [0.5]) }, "mask[3][0] is 0.5, not 0 or 1");
  refuse({ logps: batch.logps.with(3, [NaN]) }, "logps[3][0] is NaN");
  refuse({ oldLogps: batch.oldLogps.with(3, [-Infinity]) }, "oldLogps[3][0] is -Infinity");
  refuse({ entropies: batch.entropies.with(3, [Infinity]) }, "entropies[3][0] is Infinity");
  refuse({ numItemsInBatch: -1 }, "numItemsInBatch is -1");
});

Deno.test("what is needed and missing is asked for, by name", () => {
  const { refLogps: _r, entropies: _e, numItemsInBatch: _n, ...batch } = policyBatch(11, []);
  const ask = (config: GrpoConfig, message: string) =>
    assertThrows(() => policyLoss(batch, config), TypeError, message);
  ask({ beta: 0.1 }, "refLogps is missing");
  ask({ topEntropyQuantile: 0.2 }, "entropies is missing");
  ask({ gradientAccumulationSteps: 2 }, "numItemsInBatch is missing");
  ask({ lossType: "cispo", epsilonHigh: 5, stepsPerGeneration: 4 }, "numItemsInBatch is missing");
  policyLoss(batch, { lossType: "grpo", gradientAccumulationSteps: 2 });
});
