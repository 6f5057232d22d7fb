/** What weights/nano/nano.json says of the embedded models, and how that is measured: on the files as they are. Writes nothing. */
import { openTrainable } from "@aha/runtime/training";
import type { Estimate } from "../src/eval/estimate.ts";
import { evaluate } from "../src/eval/evaluate.ts";
import type { EvalReport } from "../src/eval/report.ts";
import { nanoSuite } from "../src/eval/suite.ts";
import { modelSampler } from "../src/recipes/rollout_sampler.ts";
import type { NanoDraws } from "../src/tasks/nano/draws.ts";
import type { NanoTaskName } from "../src/tasks/nano/prompt.ts";

/** Problems and sampling of an evaluation; the same ones give the same draws on the same build of the core. */
export interface PublishedEvaluation extends Required<Pick<NanoDraws, "tasks" | "levels">> {
  /** Of the problems, from the test side of each task. */
  readonly seed: number;
  readonly languages: NonNullable<NanoDraws["languages"]>;
  /** Of each task. */
  readonly problems: number;
  /** Completions of each problem. */
  readonly samples: number;
  readonly temperature: number;
  readonly topP: number;
  readonly maxTokens: number;
}

/** Accuracy of a model on one task. */
export interface PublishedTask {
  readonly task: NanoTaskName;
  readonly problems: number;
  /** pass@1: mean over samples, then over problems, with the error that the spread of the problems gives. */
  readonly accuracy: Estimate;
  /** Accuracy of the majority of all samples. */
  readonly majority: Estimate;
  /** Accuracy where nothing is thought. */
  readonly withoutThinking: Estimate;
  /** Mean tokens of a thought. */
  readonly thinkingTokens: number;
  /** Accuracy of the F32 weights that the file was made of, as the recipe measured it. */
  readonly trained: Estimate;
}

/** One embedded file. */
export interface PublishedModel {
  readonly file: string;
  /** Stage of the recipe that made it. */
  readonly stage: string;
  readonly architecture: string;
  readonly parameters: number;
  /** Number format of its matrices. */
  readonly type: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly tasks: readonly PublishedTask[];
}

/** All of nano.json. */
export interface Published {
  /** Null where the run had settings of its own. */
  readonly preset: string | null;
  readonly seed: number;
  /** Of this project, when the models were trained. */
  readonly commit: string;
  /** What makes them again. */
  readonly command: string;
  readonly evaluation: PublishedEvaluation;
  readonly models: Readonly<Record<"nano" | "nano-student", PublishedModel>>;
}

/** Prompts whose completions run together. */
const PROMPTS_A_CALL = 64;

/**
 * Measures a model file; the same problems and draws each time. `budgets`: thinking budgets besides, by default 0, the control
 * that thinks nothing.
 *
 * @throws what `openTrainable` and `evaluate` throw
 */
export async function measureFile(
  path: string,
  evaluation: PublishedEvaluation,
  { budgets = [0] }: { readonly budgets?: readonly number[] } = {},
): Promise<EvalReport> {
  const { temperature, topP, problems, samples, maxTokens, ...draws } = evaluation;
  const suite = nanoSuite(draws, problems, { samples, maxTokens });
  const model = await openTrainable(path);
  try {
    const { sampler } = await modelSampler(model);
    const sampling = { temperature, topP, promptsPerCall: PROMPTS_A_CALL };
    return await evaluate(sampler, suite, { ...sampling, budgets });
  } finally {
    await model.close();
  }
}

/** Tasks of a report, without their levels. */
export function tasksOf({ sections }: EvalReport): EvalReport["sections"] {
  return sections.filter(({ task, level }) => task !== null && level === null);
}
