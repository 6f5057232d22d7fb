/** Every value of a run by name: kind, limits, default and what it is. The one source of reader, schema and table. */
import type { GrpoConfig, ResolvedGrpoConfig } from "../../config.ts";
import { OBJECTIVE_DEFAULTS, OBJECTIVE_FIELDS } from "../../read_config.ts";
import { count, type Field, flag, number, oneOf, text } from "../../settings/field.ts";
import type { Setting, SettingsTable } from "../../settings/settings_table.ts";
import { snakeCase } from "../../settings/spelling.ts";
import type { CommonRunConfig, GrpoRunConfig, SftRunConfig } from "../run_config.ts";
import { data, guards, lora, rewards, task } from "./entry_fields.ts";

/** Whole numbers, of which -1 is TRL's word for none. */
const stepsOrNone: Field<number | null> = {
  schema: { anyOf: [count.schema, { const: -1 }] },
  read: (value, key) => value === -1 ? null : count.read(value, key),
};

/** What all kinds have; defaults are TRL's and transformers'. */
const COMMON: SettingsTable<Omit<CommonRunConfig, "learningRate">> = {
  model: { ...text, help: "the model: a path, URL, hf:ORG/REPO/FILE.gguf or name" },
  lora: { ...lora, default: null, help: "adapters to train instead of all weights" },
  adapter: { ...text, default: null, help: "adapters to begin with: a peft folder or GGUF file" },
  lrSchedulerType: {
    ...oneOf(["constant", "linear", "cosine"], { constant_with_warmup: "constant" }),
    default: "linear",
    help: "how the rate goes on after the warm-up",
  },
  warmupSteps: {
    ...number({ min: 0, isWhole: true }),
    default: 0,
    help: "steps over which the rate rises",
  },
  adamBeta1: { ...number({ min: 0, max: 0.999999 }), default: 0.9, help: "AdamW's beta 1" },
  adamBeta2: { ...number({ min: 0, max: 0.999999 }), default: 0.999, help: "AdamW's beta 2" },
  adamEpsilon: { ...number({ above: 0 }), default: 1e-8, help: "AdamW's epsilon" },
  weightDecay: { ...number({ min: 0 }), default: 0, help: "AdamW's decay, of matrices" },
  maxGradNorm: {
    ...noneAtZero(number({ min: 0 })),
    default: 1,
    help: "largest norm of all gradients together; 0: any",
  },
  maxSteps: { ...stepsOrNone, default: null, help: "steps of the optimizer; -1: by epochs" },
  numTrainEpochs: { ...number({ above: 0 }), default: 3, help: "times through the task's rows" },
  microBatchTokens: {
    ...count,
    default: 4096,
    help:
      "most tokens computed at once, or 1024 of completions of one prompt: less memory, the same bits",
  },
  gradientCheckpointing: {
    ...flag,
    default: true,
    help: "keep the results of blocks alone and compute the rest again: less memory, the same bits",
  },
  seed: {
    ...number({ min: 0, isWhole: true }),
    default: 42,
    help: "of sampling, order and adapters",
  },
  shuffleDataset: { ...flag, default: true, help: "take rows in random order" },
  saveSteps: {
    ...number({ min: 0, isWhole: true }),
    default: 500,
    help: "steps between checkpoints; 0: one at the end",
  },
  numSamples: {
    ...number({ min: 0, isWhole: true }),
    default: 4,
    help: "completions of a step that are kept to be looked at",
  },
  threads: { ...count, default: null, help: "threads that share the work (left out: the cores)" },
  outputDir: { ...text, default: null, help: "folder of the run (left out: runs/ and its name)" },
};

type OwnGrpo = Omit<GrpoRunConfig, keyof CommonRunConfig | "kind" | "objective">;

const GRPO: SettingsTable<OwnGrpo> = {
  task: { ...task, help: 'the problems: "NAME", {"name", ...options} or {"file", "format", ...}' },
  rewards: { ...rewards, help: 'what judges: ["accuracy", {"name", "weight", ...options}]' },
  systemPrompt: { ...text, default: null, help: "stands before each conversation" },
  numGenerations: {
    ...number({ min: 2, isWhole: true }),
    default: 8,
    help: "completions of a prompt",
  },
  perDeviceTrainBatchSize: { ...count, default: 8, help: "completions of a batch" },
  numIterations: { ...count, default: 1, help: "times through a round of completions" },
  scaleRewards: {
    schema: { enum: ["group", "batch", "none", true, false] },
    read: (value, key) =>
      value === true ? "group" : value === false ? "none" : SCALES.read(value, key),
    default: "group",
    help: "what advantages are divided by: the spread of the group, of the batch, or nothing",
  },
  maskTruncatedCompletions: {
    ...flag,
    default: false,
    help: "leave out completions that were cut off (DAPO 2503.14476, section 3.4)",
  },
  syncRefModel: { ...flag, default: false, help: "whether the reference follows the policy" },
  refModelSyncSteps: { ...count, default: 512, help: "steps between its refreshments" },
  refModelMixupAlpha: {
    ...number({ min: 0, max: 1 }),
    default: 1,
    help: "share of the policy in the new reference: 1 replaces it, and nothing else is there",
  },
  guards: {
    ...guards,
    default: guards.read(true, "guards"),
    help: "when a run warns and stops; false: never",
  },
};

const SCALES = oneOf(["group", "batch", "none"]);

/** Objective values that only say how others are left out need no default here: `readGrpoConfig` sets them. */
type GivenObjective = { readonly [Name in keyof ResolvedGrpoConfig]?: ResolvedGrpoConfig[Name] };

/** Values of the objective, which stand beside the others in a file. */
const OBJECTIVE = Object.fromEntries(
  Object.entries(OBJECTIVE_FIELDS).map(([name, field]) => [name, {
    ...field,
    default: (OBJECTIVE_DEFAULTS as GrpoConfig)[name as keyof GrpoConfig] ?? null,
  }]),
) as unknown as SettingsTable<GivenObjective>;

/** Names of the objective's values. */
export const OBJECTIVE_NAMES = Object.keys(
  OBJECTIVE_FIELDS,
) as readonly (keyof ResolvedGrpoConfig)[];

/** What a file of kind `grpo` may hold. */
export const GRPO_SETTINGS: SettingsTable<
  CommonRunConfig & OwnGrpo & GivenObjective & { generationBatchSize: number | null }
> = {
  ...COMMON,
  learningRate: rate(1e-6),
  ...GRPO,
  ...OBJECTIVE,
  generationBatchSize: {
    ...count,
    default: null,
    help: "completions of a round of sampling, instead of steps_per_generation",
  },
};

/** What a file of kind `sft` may hold. */
export const SFT_SETTINGS: SettingsTable<Omit<SftRunConfig, "kind">> = {
  ...COMMON,
  learningRate: rate(2e-5),
  data: { ...data, help: 'conversations: "FILE" or {"file", "messages_column"}' },
  completionOnlyLoss: { ...flag, default: true, help: "only the assistant's tokens count" },
  packing: { ...flag, default: true, help: "short conversations share a row" },
  maxLength: { ...count, default: 1024, help: "most tokens of a conversation" },
  perDeviceTrainBatchSize: { ...count, default: 8, help: "sequences of a batch, or packs of them" },
  gradientAccumulationSteps: { ...count, default: 1, help: "batches of a step of the optimizer" },
};

/** Further names that mean the same. */
export const ALIASES: ReadonlyMap<string, string> = new Map([
  ["model_name_or_path", "model"],
  ["kl_bias_correction", "useBiasCorrectionKl"],
  ["reward_funcs", "rewards"],
  ["num_completions_to_print", "numSamples"],
]);

/** Those that runs of kind `sft` have too. */
export const SFT_ALIASES: ReadonlyMap<string, string> = new Map([
  ["model_name_or_path", "model"],
  ["assistant_only_loss", "completionOnlyLoss"],
]);

/** The name of a value that goes by further ones, in whichever spelling; others as they are. */
export function settingName(key: string): string {
  const snake = snakeCase(key);
  return ALIASES.get(snake) ?? SFT_ALIASES.get(snake) ?? key;
}

function rate(value: number): Setting<number> {
  return { ...number({ min: 0 }), default: value, help: "rate of the optimizer" };
}

function noneAtZero(field: Field<number>): Field<number | null> {
  return { schema: field.schema, read: (value, key) => field.read(value, key) || null };
}
