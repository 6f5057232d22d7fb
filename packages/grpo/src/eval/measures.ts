/** Judged completions to measures. Samples and judges nothing. */
import type { Verdict } from "../tasks/verdict.ts";
import { consensusAtK } from "./consensus.ts";
import { type Estimate, estimateOf } from "./estimate.ts";
import { passAtK } from "./pass_at_k.ts";
import type { EstimateAtK, Measures } from "./report.ts";
import type { SampledCompletion } from "./sampler.ts";

/** A completion with its worth. */
export interface JudgedCompletion {
  readonly completion: SampledCompletion;
  readonly verdict: Verdict;
}

/**
 * Measures over problems `[problems][samples]`, each problem with the same weight.
 *
 * @throws {RangeError} without problems, or when problems have different numbers of samples, or none
 */
export function measuresOf(problems: readonly (readonly JudgedCompletion[])[]): Measures {
  const samples = problems[0]?.length ?? 0;
  if (samples === 0 || problems.some((one) => one.length !== samples)) {
    throw new RangeError(
      `problems have ${
        problems.map((one) => one.length).join(", ") || "no"
      } samples, all must have equally many`,
    );
  }
  const over = (value: (one: JudgedCompletion) => number): Estimate =>
    estimateOf(problems.map((one) => mean(one.map(value))));
  const verdicts = problems.map((one) => one.map(({ verdict }) => verdict));
  const atK = (value: (one: readonly Verdict[], k: number) => number): EstimateAtK[] =>
    sampleCounts(samples).map((k) => ({ k, ...estimateOf(verdicts.map((one) => value(one, k))) }));
  return {
    problems: problems.length,
    accuracy: over(({ verdict }) => Number(verdict.isRight)),
    strict: over(({ verdict }) => Number(verdict.isStrictlyRight)),
    lenient: over(({ verdict }) => Number(verdict.isLenientlyRight)),
    format: over(({ verdict }) => Number(verdict.hasFormat)),
    passAt: atK((one, k) => passAtK(one.length, one.filter(({ isRight }) => isRight).length, k)),
    consensusAt: atK(consensusAtK),
    responseLength: over(({ completion }) => completion.tokens),
    thoughtLength: known(problems, thoughtLength),
    language: known(problems, ({ verdict }) => verdict.languageShare),
    reflection: over(({ verdict }) => Number(verdict.reflections > 0)),
    truncated: over(({ completion }) => Number(!completion.isFinished)),
  };
}

/** Tokens of a thought as the sampler counted them, else as the verifier did. */
function thoughtLength({ completion, verdict }: JudgedCompletion): number | null {
  return completion.thoughtTokens ?? verdict.thoughtLength;
}

/** Over the problems whose every sample has the value; null where there is none. */
function known(
  problems: readonly (readonly JudgedCompletion[])[],
  value: (one: JudgedCompletion) => number | null,
): Estimate | null {
  const means = problems.flatMap((one) => {
    const values = one.map(value).filter((found) => found !== null);
    return values.length === one.length ? [mean(values)] : [];
  });
  return means.length === 0 ? null : estimateOf(means);
}

/** 1, 2, 4, ... below the number of samples, and that. */
function sampleCounts(samples: number): number[] {
  const counts: number[] = [];
  for (let k = 1; k < samples; k *= 2) counts.push(k);
  return [...counts, samples];
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
