/** Samples a suite, judges what came and makes the report. Holds no model and prints nothing. */
import { estimateOf } from "./estimate.ts";
import { type JudgedCompletion, measuresOf } from "./measures.ts";
import type { BudgetPoint, EvalExample, EvalProblem, EvalReport, EvalSection } from "./report.ts";
import type { Sampler, SampleRequest } from "./sampler.ts";
import type { AnswerEquality } from "../tasks/answer_text.ts";
import type { Verdict } from "../tasks/verdict.ts";
import type { Suite } from "./suite.ts";

/** How to evaluate; what is left out is the suite's, or R1's. */
export interface EvaluateOptions {
  /** Completions a prompt. Default the suite's. */
  readonly samples?: number;
  /** Default 0.6 (R1, 2501.12948, section 3). */
  readonly temperature?: number;
  /** Default 0.95 (R1, section 3). */
  readonly topP?: number;
  /** Default the suite's. */
  readonly maxTokens?: number;
  /** Default 0. */
  readonly seed?: number;
  /** Thinking budgets that accuracy is measured at besides. Default `[0]`, the control that thinks nothing. */
  readonly budgets?: readonly number[];
  /** Completions a prompt at each budget. Default a quarter of `samples`, at least one. */
  readonly budgetSamples?: number;
  /** Prompts a call of the sampler. Default all at once. */
  readonly promptsPerCall?: number;
  /** Completions of each task that the report shows. Default 4. */
  readonly examples?: number;
  readonly onProgress?: (progress: { readonly done: number; readonly total: number }) => void;
  readonly signal?: AbortSignal;
}

/**
 * Evaluates a model on a suite: pass@1 as the mean over samples, pass@k, cons@k, strict and lenient accuracy, lengths,
 * language, reflection, by task and level, and accuracy against thinking budget.
 *
 * @throws {RangeError} for an empty suite, options out of range, or a sampler that gives another number of completions
 *
 * @example
 * ```ts
 * import { evaluate, nanoSuite, reportTable, type Sampler } from "@aha/grpo/eval";
 *
 * // A model that always says 1.
 * const sampler: Sampler = (prompts, { samples }) =>
 *   Promise.resolve(prompts.map(() =>
 *     Array(samples).fill({
 *       text: "<think> </think> <answer> 1 </answer>",
 *       tokens: 6,
 *       isFinished: true,
 *     })
 *   ));
 * const report = await evaluate(sampler, nanoSuite({ seed: 1, tasks: { CHAIN: 1 } }, 20));
 * console.log(reportTable(report));
 * ```
 */
export async function evaluate(
  sampler: Sampler,
  suite: Suite,
  options: EvaluateOptions = {},
): Promise<EvalReport> {
  const start = performance.now();
  const request = readRequest(suite, options);
  const budgetSamples = options.budgetSamples ?? Math.max(1, Math.floor(request.samples / 4));
  const budgets = [...new Set(options.budgets ?? [0])].sort((a, b) => a - b);
  checkWhole("budgetSamples", budgetSamples, 1);
  for (const budget of budgets) checkWhole("thinking budget", budget, 0);
  const judging = new Judging(sampler, suite, options, 1 + budgets.length);
  const problems = await judging.run(request);
  const curves = new Map<number, JudgedCompletion[][]>();
  for (const thinkingBudget of budgets) {
    curves.set(
      thinkingBudget,
      await judging.run({ ...request, samples: budgetSamples, thinkingBudget }),
    );
  }
  const { seed, samples, temperature, topP, maxTokens } = request;
  return {
    ...{ suite: suite.name, seed, samples, temperature, topP, maxTokens, budgetSamples },
    sections: sectionsOf(suite).map((section) => withMeasures(section, problems, curves)),
    problems: problems.map((judged, at) => problemOf(suite, at, judged)),
    examples: examplesOf(suite, problems, options.examples ?? 4),
    seconds: (performance.now() - start) / 1000,
  };
}

function readRequest(suite: Suite, options: EvaluateOptions): Omit<SampleRequest, "firstPrompt"> {
  const { samples = suite.samples, maxTokens = suite.maxTokens, seed = 0, signal } = options;
  const { temperature = 0.6, topP = 0.95, promptsPerCall = 1 } = options;
  if (suite.rows.length === 0) throw new RangeError(`the suite ${suite.name} has no rows`);
  checkWhole("samples", samples, 1);
  checkWhole("maxTokens", maxTokens, 1);
  checkWhole("seed", seed, 0);
  checkWhole("promptsPerCall", promptsPerCall, 1);
  if (!(temperature >= 0 && temperature < Infinity)) {
    throw new RangeError(`temperature is ${temperature}, it must be a number of at least 0`);
  }
  if (!(topP > 0 && topP <= 1)) {
    throw new RangeError(`topP is ${topP}, it must be above 0 and at most 1`);
  }
  return { samples, temperature, topP, maxTokens, seed, signal };
}

function checkWhole(name: string, value: number, least: number): void {
  if (Number.isSafeInteger(value) && value >= least) return;
  throw new RangeError(`${name} is ${value}, it must be a whole number of at least ${least}`);
}

/** Runs over the suite, with one count of progress for all of them. */
class Judging {
  readonly #sampler: Sampler;
  readonly #suite: Suite;
  readonly #options: EvaluateOptions;
  readonly #total: number;
  #done = 0;

  constructor(sampler: Sampler, suite: Suite, options: EvaluateOptions, runs: number) {
    this.#sampler = sampler;
    this.#suite = suite;
    this.#options = options;
    this.#total = runs * suite.rows.length;
  }

  async run(request: Omit<SampleRequest, "firstPrompt">): Promise<JudgedCompletion[][]> {
    const { rows } = this.#suite;
    const { promptsPerCall = rows.length, onProgress } = this.#options;
    const judged: JudgedCompletion[][] = [];
    for (let firstPrompt = 0; firstPrompt < rows.length; firstPrompt += promptsPerCall) {
      request.signal?.throwIfAborted();
      const part = rows.slice(firstPrompt, firstPrompt + promptsPerCall);
      const prompts = part.map(({ prompt }) => prompt);
      const groups = await this.#sampler(prompts, { ...request, firstPrompt });
      if (
        groups.length !== part.length || groups.some(({ length }) => length !== request.samples)
      ) {
        throw new RangeError(
          `the sampler gave ${groups.map(({ length }) => length).join(", ") || "no"} completions ` +
            `for ${part.length} prompts, ${request.samples} of each were asked for`,
        );
      }
      groups.forEach((group, at) => {
        const verdicts = group.map(({ text, isFinished }) =>
          this.#suite.judge(part[at], text, isFinished)
        );
        const merged = this.#suite.isSameAnswer
          ? oneVote(verdicts, this.#suite.isSameAnswer)
          : verdicts;
        judged.push(group.map((completion, sample) => ({ completion, verdict: merged[sample] })));
      });
      this.#done += part.length;
      onProgress?.({ done: this.#done, total: this.#total });
    }
    return judged;
  }
}

/** Verdicts of one problem, with one class for all answers that are the same: that of the first, a right one before others. */
function oneVote(verdicts: readonly Verdict[], isSame: AnswerEquality): Verdict[] {
  const right = verdicts.find(({ isRight }) => isRight)?.answerClass;
  const classes: string[] = right ? [right] : [];
  return verdicts.map((verdict) => {
    const { answerClass } = verdict;
    if (answerClass === null) return verdict;
    const known = classes.find((one) => one === answerClass || isSame(one, answerClass));
    if (known === undefined) classes.push(answerClass);
    return { ...verdict, answerClass: known ?? answerClass };
  });
}

type SectionName = Pick<EvalSection, "task" | "level">;

function nameOf(suite: Suite, at: number): SectionName {
  const { task, level } = suite.rows[at];
  const hasLevel = typeof level === "number" || typeof level === "string";
  return { task: typeof task === "string" ? task : null, level: hasLevel ? level : null };
}

/** Sections with the numbers of their problems: all; then each task, and its levels where there are several. */
function sectionsOf(suite: Suite): (SectionName & { readonly rows: readonly number[] })[] {
  const names = suite.rows.map((_, at) => nameOf(suite, at));
  const all = names.map((_, at) => at);
  const tasks = [...new Set(names.map(({ task }) => task))];
  const sections = tasks.flatMap((task) => {
    const rows = all.filter((at) => names[at].task === task);
    const levels = [...new Set(rows.map((at) => names[at].level))].filter((level) => level !== null)
      .sort((a, b) => a < b ? -1 : 1);
    const parts = levels.map((level) => ({
      task,
      level,
      rows: rows.filter((at) => names[at].level === level),
    }));
    const whole = task === null ? [] : [{ task, level: null, rows }];
    return [...whole, ...(levels.length > 1 ? parts : [])];
  });
  return [{ task: null, level: null, rows: all }, ...sections];
}

function withMeasures(
  { task, level, rows }: SectionName & { readonly rows: readonly number[] },
  problems: readonly JudgedCompletion[][],
  curves: ReadonlyMap<number, readonly JudgedCompletion[][]>,
): EvalSection {
  const budgets = [...curves].map(([thinkingBudget, judged]): BudgetPoint => {
    const values = rows.map((at) => share(judged[at], ({ verdict }) => verdict.isRight));
    return { thinkingBudget, ...estimateOf(values) };
  });
  return { task, level, measures: measuresOf(rows.map((at) => problems[at])), budgets };
}

function share(
  judged: readonly JudgedCompletion[],
  is: (one: JudgedCompletion) => boolean,
): number {
  return judged.filter(is).length / judged.length;
}

function problemOf(suite: Suite, at: number, judged: readonly JudgedCompletion[]): EvalProblem {
  const count = (key: "isRight" | "isStrictlyRight" | "isLenientlyRight") =>
    judged.filter(({ verdict }) => verdict[key]).length;
  return {
    ...nameOf(suite, at),
    right: count("isRight"),
    strict: count("isStrictlyRight"),
    lenient: count("isLenientlyRight"),
    tokens: judged.map(({ completion }) => completion.tokens),
  };
}

function examplesOf(
  suite: Suite,
  problems: readonly JudgedCompletion[][],
  count: number,
): EvalExample[] {
  const shown = new Map<string | null, number>();
  return problems.flatMap(([{ completion, verdict }], at) => {
    const { task } = nameOf(suite, at);
    const before = shown.get(task) ?? 0;
    if (before >= count) return [];
    shown.set(task, before + 1);
    const { prompt, answer = null } = suite.rows[at];
    const { isRight, reflections } = verdict;
    return [{ task, prompt, answer, completion: completion.text, isRight, reflections }];
  });
}
