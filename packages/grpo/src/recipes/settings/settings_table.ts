/** Every setting of the R1 recipe: the paper's value, then that of each preset. What they mean says `settings.ts`. */
import { SHAPES } from "../../model/shape.ts";
import type { RecipeSettings, RlStageSettings, TaskWeights } from "./settings.ts";

/** A preset: a column of the table. */
export type PresetName = "ci" | "mini" | "nano" | "micro";

/** The presets, in the order of the columns. */
export const PRESET_NAMES: readonly PresetName[] = ["ci", "mini", "nano", "micro"];

/** A setting: what DeepSeek-R1 has (2501.12948v2, Methods; V3: 2412.19437, section 4.2), then ci, mini, nano, micro. */
export type Row<Value> = readonly [
  paper: string,
  ci: Value,
  mini: Value,
  nano: Value,
  micro: Value,
];

/** The settings of a stage. */
export type Rows<Settings> = { readonly [Name in keyof Settings]: Row<Settings[Name]> };

/** The settings of all stages. */
export type StageRows = {
  readonly [Stage in Exclude<keyof RecipeSettings, "languages" | "levels" | "maxTokens">]: Rows<
    RecipeSettings[Stage]
  >;
};

const SUMS: TaskWeights = { CHAIN6: 1 };
const SUMS_BASE: TaskWeights = { CHAIN6: 0.75, GENERAL: 0.25 };
const SUMS_ALL: TaskWeights = { CHAIN6: 1, GENERAL: 1 };
const FOUR: TaskWeights = { CHAIN: 1, MUL: 1, EVAL: 1, CD: 1 };
const FOUR_BASE: TaskWeights = { CHAIN: 0.235, MUL: 0.235, EVAL: 0.235, CD: 0.235, GENERAL: 0.06 };
const FOUR_ALL: TaskWeights = { ...FOUR, GENERAL: 3 };
const RULES: RlStageSettings["rewards"] = ["accuracy", "format"];
const RULES_AND_LANGUAGE: RlStageSettings["rewards"] = [...RULES, "language_consistency"];

const ZERO_REWARDS: Row<RlStageSettings["rewards"]> = [
  "accuracy + format",
  RULES,
  RULES,
  RULES,
  RULES,
];
const LATER_REWARDS: Row<RlStageSettings["rewards"]> = [
  "accuracy + format + language consistency",
  RULES_AND_LANGUAGE,
  RULES_AND_LANGUAGE,
  RULES_AND_LANGUAGE,
  RULES_AND_LANGUAGE,
];
const GATED: Row<boolean> = ["not told", true, true, true, true];
const REASONING: Row<TaskWeights> = ["mathematics, code, STEM, logic", SUMS, SUMS, FOUR, FOUR];
const EVERYTHING: Row<TaskWeights> = [
  "reasoning + general data",
  SUMS,
  SUMS_ALL,
  FOUR_ALL,
  FOUR_ALL,
];

/** What belongs to no stage. */
export const SHARED_ROWS: Rows<Pick<RecipeSettings, "languages" | "levels" | "maxTokens">> = {
  languages: [
    "English and Chinese",
    ["en"],
    ["en", "xx"],
    ["en", "xx"],
    ["en", "xx"],
  ],
  levels: ["not told", {}, { GENERAL: [3, 4, 5] }, {}, {}],
  maxTokens: ["32,768, then 65,536", 24, 24, 60, 60],
};

/** The stages in their order. */
export const STAGE_ROWS: StageRows = {
  pretrain: {
    shape: [
      "DeepSeek-V3, 671B",
      SHAPES.ci,
      SHAPES.ci,
      SHAPES.nano_v3,
      SHAPES.micro_v3,
    ],
    tasks: ["14.8T tokens of text", SUMS, SUMS_BASE, FOUR_BASE, FOUR_BASE],
    thoughtShare: ["not told", 0.4, 0.25, 0.4, 0.4],
    taggedShare: ["not told", 1, 0.8, 0.8, 0.8],
    batchDocuments: ["3,072 to 15,360 sequences of 4,096 tokens", 32, 64, 128, 128],
    steps: ["not told", 1000, 2400, 2000, 1500],
    learningRate: ["2.2e-4, cosine to 2.2e-5 and less", 4e-3, 4e-3, 2e-3, 2e-3],
    warmupSteps: ["2,000", 100, 100, 100, 100],
    completionLossLimit: ["none", 0.3, 0.65, 0.5, 0.42],
    restartSteps: ["none", 500, 600, 500, 500],
    mostSteps: ["none", 3000, 4800, 3500, 4000],
  },
  r1_zero: {
    tasks: REASONING,
    steps: ["10,400", 40, 60, 120, 80],
    prompts: ["32", 16, 16, 32, 32],
    group: ["16", 8, 8, 8, 8],
    learningRate: ["3e-6", 6e-4, 6e-4, 2e-4, 2e-4],
    warmupSteps: ["not told", 5, 5, 5, 5],
    beta: ["0.001", 0.001, 0.001, 0.001, 0.001],
    temperature: ["1", 1, 1, 1, 1],
    rewards: ZERO_REWARDS,
    hasGates: GATED,
  },
  cold_start: {
    tasks: REASONING,
    count: ["thousands", 300, 400, 2000, 2000],
    samplesEach: ["several", 1, 1, 1, 1],
    temperature: ["1", 1, 1, 1, 1],
    epochs: ["2 to 3", 4, 4, 4, 4],
    batch: ["128", 64, 64, 64, 64],
    learningRate: ["5e-5, cosine to 5e-6", 2e-3, 2e-3, 1e-3, 1e-3],
    warmupSteps: ["not told", 5, 5, 10, 10],
  },
  reasoning_rl: {
    tasks: REASONING,
    steps: ["not told", 20, 40, 80, 40],
    prompts: ["32", 16, 16, 32, 32],
    group: ["16", 8, 8, 8, 8],
    learningRate: ["3e-6", 6e-4, 6e-4, 2e-4, 2e-4],
    warmupSteps: ["not told", 5, 5, 5, 5],
    beta: ["0.001", 0.001, 0.001, 0.001, 0.001],
    temperature: ["1", 1, 1, 1, 1],
    rewards: LATER_REWARDS,
    hasGates: GATED,
  },
  rejection_sampling: {
    tasks: REASONING,
    count: ["600,000", 1000, 3000, 8000, 4000],
    generalCount: ["200,000", 0, 3000, 4000, 2000],
    samplesEach: ["several", 4, 4, 4, 4],
    temperature: ["not told", 1, 1, 1, 1],
    epochs: ["2 to 3", 4, 5, 3, 3],
    batch: ["128", 64, 64, 64, 64],
    learningRate: ["5e-5, cosine to 5e-6", 2e-3, 2e-3, 1e-3, 1e-3],
    warmupSteps: ["not told", 10, 10, 20, 20],
  },
  general_rl: {
    tasks: EVERYTHING,
    steps: ["1,700, general data in the last 400", 20, 40, 60, 40],
    prompts: ["32", 16, 16, 32, 32],
    group: ["16", 8, 8, 8, 8],
    learningRate: ["3e-6", 1e-4, 1e-4, 5e-5, 5e-5],
    warmupSteps: ["not told", 5, 5, 5, 5],
    beta: ["0.001", 0.04, 0.04, 0.04, 0.04],
    temperature: ["0.7", 0.7, 0.7, 0.7, 0.7],
    rewards: LATER_REWARDS,
    hasGates: GATED,
  },
  student: {
    shape: [
      "Qwen2.5, Llama 3",
      SHAPES.student,
      SHAPES.student,
      SHAPES.nano,
      SHAPES.nano,
    ],
    tasks: ["18T tokens (Qwen2.5)", SUMS, SUMS_BASE, FOUR_BASE, FOUR_BASE],
    thoughtShare: ["not told", 0.4, 0.4, 0.4, 0.4],
    taggedShare: ["not told", 1, 0.8, 0.8, 0.8],
    batchDocuments: ["not told", 32, 64, 128, 128],
    steps: ["not told", 600, 1800, 1000, 1000],
    learningRate: ["not told", 4e-3, 4e-3, 2e-3, 2e-3],
    warmupSteps: ["not told", 100, 100, 100, 100],
    completionLossLimit: ["none", Infinity, Infinity, Infinity, Infinity],
    restartSteps: ["none", 600, 600, 500, 500],
    mostSteps: ["none", 600, 1800, 1000, 1000],
  },
  distill: {
    tasks: EVERYTHING,
    count: ["800,000", 3000, 6000, 8000, 8000],
    samplesEach: ["several", 4, 4, 4, 4],
    temperature: ["not told", 1, 1, 1, 1],
    epochs: ["2 to 3", 12, 12, 3, 3],
    batch: ["64", 64, 64, 64, 64],
    learningRate: ["1e-4 (1.5B) to 2e-5 (70B)", 4e-3, 4e-3, 1e-3, 1e-3],
    warmupSteps: ["not told", 10, 10, 20, 20],
  },
  student_rl: {
    tasks: REASONING,
    steps: ["more than 10,000 (R1-Zero-Qwen-32B)", 40, 100, 60, 60],
    prompts: ["not told", 16, 16, 32, 32],
    group: ["not told", 8, 8, 8, 8],
    learningRate: ["not told", 6e-4, 6e-4, 3e-4, 3e-4],
    warmupSteps: ["not told", 5, 5, 5, 5],
    beta: ["0.001", 0.001, 0.001, 0.001, 0.001],
    temperature: ["1", 1, 1, 1, 1],
    rewards: LATER_REWARDS,
    hasGates: ["not told", false, false, false, false],
  },
  student_direct: {
    epochs: ["no such control", 3, 4, 2, 2],
    batch: ["no such control", 64, 64, 64, 64],
    learningRate: ["no such control", 4e-3, 4e-3, 1e-3, 1e-3],
    warmupSteps: ["no such control", 10, 10, 20, 20],
  },
  student_shuffled: {
    epochs: ["no such control", 3, 4, 2, 2],
    batch: ["no such control", 64, 64, 64, 64],
    learningRate: ["no such control", 4e-3, 4e-3, 1e-3, 1e-3],
    warmupSteps: ["no such control", 10, 10, 20, 20],
  },
  evaluation: {
    tasks: [
      "AIME, MATH-500, GPQA, ...",
      SUMS,
      SUMS_ALL,
      FOUR_ALL,
      FOUR_ALL,
    ],
    problems: ["30 to 500", 64, 64, 64, 64],
    samples: ["4 to 64", 16, 16, 16, 16],
    temperature: ["0.6", 0.6, 0.6, 0.6, 0.6],
    topP: ["0.95", 0.95, 0.95, 0.95, 0.95],
    budgets: [
      "not told",
      [0, 2, 4, 5, 6, 7, 8],
      [0, 2, 4, 5, 6, 7, 8],
      [0, 4, 8, 12, 16, 20, 24, 32, 40, 48],
      [0, 4, 8, 12, 16, 20, 24, 32, 40, 48],
    ],
  },
};

/** A value that all presets share: what the paper has, then what the trainings here read. */
export type FixedRow = readonly [paper: string, here: number];

/** AdamW of every training (V3, section 4.2; R1 does not tell its own). */
const OPTIMIZER = {
  beta1: ["0.9 (V3)", 0.9],
  beta2: ["0.95 (V3)", 0.95],
  weightDecay: ["0.1 (V3)", 0.1],
  maxGradientNorm: ["1 (V3)", 1],
} satisfies Readonly<Record<string, FixedRow>>;

/** What no preset changes, by the kind of training. */
export const FIXED_ROWS = {
  pretraining: {
    ...OPTIMIZER,
    finalRate: ["0.1, then less", 0.1],
    multiTokenWeight: ["0.3, then 0.1", 0.3],
    routerBiasSpeed: ["0.001, then 0", 0.001],
    balanceFactor: ["1e-4", 0],
  },
  reinforcement: {
    ...OPTIMIZER,
    /** With one step a round the ratio is 1 and nothing is clipped. */
    epsilon: ["10", 10],
    numIterations: ["1, of 16 batches a rollout", 1],
    /** 0: never; no stage here has 400 steps. */
    refModelSyncSteps: ["400", 0],
  },
  fineTuning: { ...OPTIMIZER, finalRate: ["0.1", 0.1] },
} satisfies Readonly<Record<string, Readonly<Record<string, FixedRow>>>>;

/** The values of some rows. */
export function fixedValues<Name extends string>(
  rows: Readonly<Record<Name, FixedRow>>,
): Readonly<Record<Name, number>> {
  const pairs = Object.entries<FixedRow>(rows).map(([name, [, here]]) => [name, here]);
  return Object.fromEntries(pairs);
}
