/** Metrics of small batches against values by hand. TRL's own numbers: tests/parity. */
import { assertAlmostEquals, assertEquals } from "@std/assert";
import type { GrpoConfig } from "../config.ts";
import { policyLoss } from "./policy_loss.ts";

/** Ratios of four rows, the third without tokens; advantages of both signs and none. */
const RATIOS = [[2, 1, 0.5, 2], [0.5, 0.5, 2, 1], [], [2, 0.5]];
const ADVANTAGES = [1, -1, 1, 0];

function metricsOf(config: GrpoConfig, ratios: readonly (readonly number[])[] = RATIOS) {
  return policyLoss({
    logps: ratios.map((row) => row.map((ratio) => Math.log(ratio) - 1)),
    oldLogps: ratios.map((row) => row.map(() => -1)),
    mask: ratios.map((row) => row.map(() => 1)),
    advantages: ADVANTAGES,
  }, config).metrics;
}

Deno.test("clip ratios: over all tokens, and extremes over rows that have some", () => {
  assertEquals(metricsOf({}), {
    "clip_ratio/low_mean": 2 / 10,
    "clip_ratio/low_min": 0,
    "clip_ratio/high_mean": 2 / 10,
    "clip_ratio/high_max": 2 / 4,
    "clip_ratio/region_mean": 4 / 10,
  });
});

Deno.test("clip ratios: at sequence level a row counts once, one without tokens as not clipped", () => {
  const ratios = [[4, 1], [0.25, 1], [], [4]];
  assertEquals(metricsOf({ importanceSamplingLevel: "sequence" }, ratios), {
    "clip_ratio/low_mean": 1 / 4,
    "clip_ratio/low_min": 0,
    "clip_ratio/high_mean": 1 / 4,
    "clip_ratio/high_max": 1,
    "clip_ratio/region_mean": 2 / 4,
  });
});

Deno.test("clip ratios: the ratio of a row without tokens is 1, which bounds may exclude", () => {
  const config = {
    importanceSamplingLevel: "sequence",
    lossType: "cispo",
    epsilonHigh: 0.5,
  } as const;
  assertEquals(metricsOf(config, [[0.25], [0.25], [], [0.25]]), { cispo_clip_ratio: 1 / 4 });
});

Deno.test("clip ratios: count the ratio after delta, as TRL's", () => {
  assertEquals(metricsOf({ delta: 1.1 })["clip_ratio/high_mean"], 0);
});

Deno.test("clip ratios: extremes over no rows are no numbers", () => {
  const metrics = metricsOf({}, [[], [], [], []]);
  assertEquals(metrics["clip_ratio/low_mean"], 0);
  assertEquals(metrics["clip_ratio/low_min"], NaN);
  assertEquals(metrics["clip_ratio/high_max"], NaN);
});

Deno.test("cispo counts weights that are cut where the advantage is positive, sapo nothing", () => {
  const cut = { cispo_clip_ratio: 2 / 10 };
  assertEquals(metricsOf({ lossType: "cispo", epsilonHigh: 1.5 }), cut);
  assertEquals(metricsOf({ lossType: "sapo" }), {});
});

Deno.test("kl and entropy are means over tokens, kl with its correction", () => {
  const batch = {
    logps: [[-1, -1], [-2]],
    oldLogps: [[-1, -1], [-2 - Math.LN2]],
    refLogps: [[-1, -1], [-3]],
    entropies: [[1, 2], [6]],
    mask: [[1, 1], [1]],
    advantages: [1, -1],
  };
  const kl = (Math.exp(-1) + 1 - 1) / 3;
  const { metrics } = policyLoss(batch, { beta: 0.1 });
  assertAlmostEquals(metrics.kl, kl, 1e-15);
  assertEquals(metrics.entropy, 3);
  const corrected = policyLoss(batch, { beta: 0.1, useBiasCorrectionKl: true }).metrics;
  assertAlmostEquals(corrected.kl, 2 * kl, 1e-15);
});
