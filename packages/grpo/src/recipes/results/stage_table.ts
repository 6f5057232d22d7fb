/** The stage table as data: each stage and task with its measures, over one seed or several. Reads no files. */
import type { EvalSection } from "../../eval/report.ts";
import type { StageName } from "../stage/lab.ts";
import type { StageResult } from "./stage_results.ts";

/** A mean, and how sure it is. */
export interface Measured {
  readonly mean: number;
  /**
   * Over problems, of one seed: the standard error of the mean (samples of a problem averaged before). Of several seeds: the
   * sample's standard deviation over seeds. null where there is nothing to tell it from.
   */
  readonly spread: number | null;
}

/** A stage's model on a task. */
export interface StageRow {
  readonly stage: StageName;
  readonly task: string;
  readonly seeds: number;
  readonly passAt1: Measured;
  /** Majority of all samples. */
  readonly consensus: Measured;
  readonly votes: number;
  /** pass@1 where nothing may be thought. */
  readonly noThink: Measured | null;
  /** Share of digits in the language that is asked for. */
  readonly language: Measured | null;
  readonly thoughtTokens: Measured | null;
  readonly format: Measured;
  /** Share of completions that turn on themselves. */
  readonly reflection: Measured;
}

/**
 * The table of recipes that differ in their seed, given as their stages; stages and tasks that not all have are left out.
 *
 * @example
 * ```ts
 * import { stageResults, stageTable } from "@aha/grpo/recipes";
 *
 * console.table(stageTable(["runs/nano-1", "runs/nano-2"].map(stageResults)));
 * ```
 */
export function stageTable(runs: readonly (readonly StageResult[])[]): StageRow[] {
  const [first = [], ...others] = runs;
  return first.flatMap(({ stage, evaluation }) => {
    const same = others.map((results) => results.find((one) => one.stage === stage));
    if (same.includes(undefined)) return [];
    const all = [evaluation, ...same.map((one) => one!.evaluation)].map(tasksOf);
    return all[0].flatMap(({ task }) => {
      const sections = all.map((tasks) => tasks.find((one) => one.task === task));
      return sections.includes(undefined) ? [] : [rowOf(stage, task!, sections as EvalSection[])];
    });
  });
}

function tasksOf({ sections }: StageResult["evaluation"]): EvalSection[] {
  return sections.filter(({ task, level }) => task !== null && level === null);
}

interface OneMean {
  readonly mean: number;
  readonly standardError: number | null;
}

function rowOf(stage: StageName, task: string, sections: readonly EvalSection[]): StageRow {
  const over = (value: (section: EvalSection) => OneMean | null | undefined): Measured | null => {
    const known = sections.map(value).filter((one) => one !== null && one !== undefined);
    return known.length === sections.length ? measuredOf(known) : null;
  };
  const all = (value: (section: EvalSection) => OneMean): Measured => over(value) as Measured;
  return {
    ...{ stage, task, seeds: sections.length },
    passAt1: all(({ measures }) => measures.accuracy),
    consensus: all(({ measures }) => measures.consensusAt.at(-1)!),
    votes: sections[0].measures.consensusAt.at(-1)!.k,
    noThink: over(({ budgets }) => budgets.find(({ thinkingBudget }) => thinkingBudget === 0)),
    language: over(({ measures }) => measures.language),
    thoughtTokens: over(({ measures }) => measures.thoughtLength),
    format: all(({ measures }) => measures.format),
    reflection: all(({ measures }) => measures.reflection),
  };
}

function measuredOf(values: readonly OneMean[]): Measured {
  const count = values.length;
  const mean = values.reduce((sum, one) => sum + one.mean, 0) / count;
  if (count === 1) return { mean, spread: values[0].standardError };
  const squares = values.reduce((sum, one) => sum + (one.mean - mean) ** 2, 0);
  return { mean, spread: Math.sqrt(squares / (count - 1)) };
}
