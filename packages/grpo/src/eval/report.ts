/** What an evaluation found, as it is written to JSON. Types only. */
import type { Estimate } from "./estimate.ts";

/** A measure that depends on the number of samples. */
export interface EstimateAtK extends Estimate {
  readonly k: number;
}

/** Accuracy where thoughts end after so many tokens. */
export interface BudgetPoint extends Estimate {
  /** Tokens; 0: nothing is thought. */
  readonly thinkingBudget: number;
}

/** Measures over some of the problems; means over samples first, then over problems. */
export interface Measures {
  readonly problems: number;
  /** pass@1: share of right answers. */
  readonly accuracy: Estimate;
  /** Right, in the form that is asked for. */
  readonly strict: Estimate;
  /** Right, also where the answer had to be searched for. */
  readonly lenient: Estimate;
  readonly format: Estimate;
  /** Unbiased, k = 1, 2, 4, ... and all samples. */
  readonly passAt: readonly EstimateAtK[];
  /** Majority of k, expected over all subsets of the samples. */
  readonly consensusAt: readonly EstimateAtK[];
  /** Tokens of a completion. */
  readonly responseLength: Estimate;
  /** Tokens of a thought; `null` where nobody counted them. */
  readonly thoughtLength: Estimate | null;
  /** `null` where no language is asked for. */
  readonly language: Estimate | null;
  /** Share of completions that turn on themselves at least once. */
  readonly reflection: Estimate;
  /** Share of completions that were cut at `maxTokens`. */
  readonly truncated: Estimate;
}

/** Results of all problems (`task` and `level` null), of a task (`level` null), or of one of its levels. */
export interface EvalSection {
  readonly task: string | null;
  readonly level: number | string | null;
  readonly measures: Measures;
  /** Accuracy against thinking budget, by rising budget. */
  readonly budgets: readonly BudgetPoint[];
}

/** One problem. */
export interface EvalProblem {
  readonly task: string | null;
  readonly level: number | string | null;
  /** Completions that were right, out of `samples`. */
  readonly right: number;
  readonly strict: number;
  readonly lenient: number;
  /** Tokens of each completion. */
  readonly tokens: readonly number[];
}

/** A completion to be read. */
export interface EvalExample {
  readonly task: string | null;
  readonly prompt: unknown;
  readonly answer: unknown;
  readonly completion: string;
  readonly isRight: boolean;
  readonly reflections: number;
}

/** A whole evaluation. */
export interface EvalReport {
  readonly suite: string;
  readonly seed: number;
  readonly samples: number;
  readonly temperature: number;
  readonly topP: number;
  readonly maxTokens: number;
  /** Samples a problem at each thinking budget. */
  readonly budgetSamples: number;
  /** All first, then tasks with their levels behind them. */
  readonly sections: readonly EvalSection[];
  readonly problems: readonly EvalProblem[];
  /** First completions of the first problems of each task. */
  readonly examples: readonly EvalExample[];
  /** Seconds that sampling and judging took. */
  readonly seconds: number;
}
