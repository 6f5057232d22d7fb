/** The policy losses once more, token by token as the papers write them: the oracle of `policyLoss`. Gives no gradient; `byDifferences` does. */
import type { PolicyLossInput, ResolvedGrpoConfig, TokenRows } from "../../packages/grpo/mod.ts";

/** What is told apart: the log-probabilities that change, and those that stand still behind a stop of the gradient. */
interface Moment {
  readonly logps: TokenRows;
  readonly still: TokenRows;
}

/** The loss; `still` are the log-probabilities of old policies that are not given and of CISPO's weights. */
export function plainPolicyLoss(
  batch: PolicyLossInput,
  config: ResolvedGrpoConfig,
  still: TokenRows = batch.logps,
): number {
  const moment = { logps: batch.logps, still };
  const rows = batch.mask.map((_, row) =>
    active(batch, row).map((at) => tokenLoss(batch, config, moment, row, at))
  );
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const count = rows.flat().length;
  const steps = config.gradientAccumulationSteps;
  const share = config.stepsPerGeneration / steps;
  switch (config.lossType) {
    case "grpo":
    case "sapo":
      return sum(rows.map((row) => sum(row) / Math.max(row.length, 1))) / rows.length / steps;
    case "bnpo":
      return sum(rows.flat()) / count / steps;
    case "dr_grpo":
      return sum(rows.flat()) / (rows.length * config.maxCompletionLength) / steps;
    case "dapo":
    case "cispo":
      return sum(rows.flat()) / (batch.numItemsInBatch ?? count) * share;
  }
}

/** d loss / d logps by central differences, 0 where masked. */
export function byDifferences(
  batch: PolicyLossInput,
  config: ResolvedGrpoConfig,
  step = 1e-5,
): number[][] {
  const at = (row: number, token: number, change: number) => {
    const logps = batch.logps.map((values) => Array.from(values));
    logps[row][token] += change;
    return plainPolicyLoss({ ...batch, logps }, config, batch.logps);
  };
  return batch.mask.map((own, row) =>
    Array.from(
      own,
      (counts, token) => counts ? (at(row, token, step) - at(row, token, -step)) / (2 * step) : 0,
    )
  );
}

function active({ mask }: PolicyLossInput, row: number): number[] {
  return Array.from(mask[row]).flatMap((counts, at) => counts ? [at] : []);
}

function ratio(batch: PolicyLossInput, c: ResolvedGrpoConfig, m: Moment, row: number, at: number) {
  const old = batch.oldLogps ?? m.still;
  if (c.importanceSamplingLevel === "token") return Math.exp(m.logps[row][at] - old[row][at]);
  const own = active(batch, row);
  return Math.exp(own.reduce((sum, t) => sum + m.logps[row][t] - old[row][t], 0) / own.length);
}

function tokenLoss(
  batch: PolicyLossInput,
  c: ResolvedGrpoConfig,
  m: Moment,
  row: number,
  at: number,
): number {
  const advantage = batch.advantages[row];
  const logp = m.logps[row][at];
  const r = ratio(batch, c, m, row, at);
  let policy = -Math.min(
    Math.min(r, c.delta) * advantage,
    Math.min(Math.max(r, 1 - c.epsilon), 1 + c.epsilonHigh) * advantage,
  );
  if (c.lossType === "cispo") {
    const weight = ratio(batch, c, { logps: m.still, still: m.still }, row, at);
    policy = -Math.min(weight, c.epsilonHigh) * advantage * logp;
  }
  if (c.lossType === "sapo") {
    const t = advantage > 0 ? c.sapoTemperaturePos : c.sapoTemperatureNeg;
    policy = -advantage * 4 / t / (1 + Math.exp(t * (1 - r)));
  }
  if (c.topEntropyQuantile < 1 && !isUncertain(batch, c.topEntropyQuantile, row, at)) policy = 0;
  if (c.beta === 0) return policy;
  const difference = (batch.refLogps ?? [])[row][at] - logp;
  const kl = Math.exp(difference) - difference - 1;
  return policy + c.beta * kl * (c.useBiasCorrectionKl ? r : 1);
}

/** Whether the token is among the share of highest entropy: fewer than that share of the others exceed it. */
function isUncertain(batch: PolicyLossInput, share: number, row: number, at: number): boolean {
  const entropies = batch.entropies ?? [];
  const all = batch.mask.flatMap((_, i) => active(batch, i).map((t) => entropies[i][t]));
  const above = all.filter((entropy) => entropy > entropies[row][at]).length;
  return above <= share * (all.length - 1);
}
