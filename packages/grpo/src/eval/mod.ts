/** Evaluation: measures, suites and reports. The public face of `@aha/grpo/eval`; defines nothing itself. */
export { type Estimate, estimateOf } from "./estimate.ts";
export { passAtK } from "./pass_at_k.ts";
export { consensusAtK, type Vote } from "./consensus.ts";
export { type JudgedCompletion, measuresOf } from "./measures.ts";
export type { SampledCompletion, Sampler, SampleRequest } from "./sampler.ts";
export {
  choiceSuite,
  countdownSuite,
  equalitySuite,
  nanoSuite,
  numberSuite,
  type Suite,
  type SuiteOptions,
} from "./suite.ts";
export {
  readSuite,
  type ReadSuiteOptions,
  SUITE_FORMATS,
  SUITE_NAMES,
  type SuiteFormat,
} from "./read_suite.ts";
export { evaluate, type EvaluateOptions } from "./evaluate.ts";
export type {
  BudgetPoint,
  EstimateAtK,
  EvalExample,
  EvalProblem,
  EvalReport,
  EvalSection,
  Measures,
} from "./report.ts";
export { budgetTable, reportTable } from "./report_table.ts";
export { evalSections } from "./report_sections.ts";
