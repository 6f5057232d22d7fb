/** Whether settings of a recipe can lead anywhere, before anything is trained. Changes none of them. */
import { count, type Field, flag, list, number, oneOf, wrongType } from "../../settings/field.ts";
import {
  type Language,
  NANO_TASK_NAMES,
  nanoDocuments,
  type NanoTaskName,
} from "../../tasks/mod.ts";
import { readDraws } from "../../tasks/nano/draws.ts";
import { checkShape } from "./check_shape.ts";
import type { RecipeSettings, TaskWeights } from "./settings.ts";

const SHARE = number({ min: 0, max: 1 });
const RATE = number({ above: 0 });
const NOT_NEGATIVE = number({ min: 0, isWhole: true });
const TASK = oneOf(NANO_TASK_NAMES);
const LEVELS = list(NOT_NEGATIVE, "a list of levels", 1);
const TEMPERATURE = number({ above: 0, max: 5 });

/** Values of single settings, by their names in any stage; tasks, levels and shapes have checks of their own. */
const FIELDS: Readonly<Record<string, Field<unknown>>> = {
  languages: list<Language>(oneOf<Language>(["en", "xx"]), "a list of en and xx", 1),
  maxTokens: count,
  thoughtShare: SHARE,
  taggedShare: SHARE,
  batchDocuments: count,
  steps: count,
  learningRate: RATE,
  warmupSteps: NOT_NEGATIVE,
  completionLossLimit: number({ above: 0, takesInfinity: true }),
  restartSteps: count,
  mostSteps: count,
  prompts: count,
  group: number({ min: 2, isWhole: true }),
  beta: number({ min: 0 }),
  temperature: TEMPERATURE,
  rewards: list(
    oneOf(["accuracy", "format", "language_consistency"]),
    "a list of accuracy, format and language_consistency",
    1,
  ),
  hasGates: flag,
  count,
  generalCount: NOT_NEGATIVE,
  samplesEach: count,
  epochs: count,
  batch: count,
  problems: count,
  samples: count,
  topP: number({ above: 0, max: 1 }),
  budgets: list(NOT_NEGATIVE, "a list of whole numbers of at least 0", 1),
};

/** Documents of each task whose lengths are looked at. */
const LOOKED_AT = 500;

/**
 * Checks every setting, and that what is to be learned fits into the completions.
 * @throws {TypeError | RangeError} naming the setting, its value and what is allowed
 */
export function checkSettings(settings: RecipeSettings): void {
  for (const [name, value] of Object.entries(settings)) {
    if (name in FIELDS) FIELDS[name].read(value, name);
    else if (name === "levels") checkLevels(value);
    else checkStage(name, value, settings);
  }
  checkLength(settings);
}

function checkLevels(levels: unknown): void {
  if (typeof levels !== "object" || levels === null || Array.isArray(levels)) {
    throw wrongType("levels", levels, "an object of tasks with their levels");
  }
  for (const [task, value] of Object.entries(levels)) {
    TASK.read(task, "a task of levels");
    LEVELS.read(value, `levels.${task}`);
  }
}

function checkStage(stage: string, settings: unknown, all: RecipeSettings): void {
  if (typeof settings !== "object" || settings === null || Array.isArray(settings)) {
    throw wrongType(stage, settings, "the settings of a stage");
  }
  for (const [name, value] of Object.entries(settings)) {
    const key = `${stage}.${name}`;
    if (name in FIELDS) FIELDS[name].read(value, key);
    else if (name === "shape") checkShape(value, key);
    else if (typeof value !== "object" || value === null) throw wrongType(key, value, "an object");
    else checkTasks(key, value as TaskWeights, all);
  }
}

/** @throws {RangeError} where no problem can be drawn */
function checkTasks(key: string, tasks: TaskWeights, { languages, levels }: RecipeSettings): void {
  try {
    readDraws({ seed: 0, tasks, languages, levels });
  } catch (error) {
    throw new RangeError(`${key}: ${(error as Error).message}`, { cause: error });
  }
}

/** @throws {RangeError} where documents of pre-training are longer than a completion may be */
function checkLength({ languages, levels, maxTokens, pretrain }: RecipeSettings): void {
  for (const task of Object.keys(pretrain.tasks) as (keyof TaskWeights & NanoTaskName)[]) {
    if (!pretrain.tasks[task]) continue;
    const kinds = { tasks: { [task]: 1 }, languages, levels, thoughtShare: 1, taggedShare: 1 };
    const { document } = nanoDocuments({ seed: 1, ...kinds });
    const longest = Array.from({ length: LOOKED_AT }, (_, i) => document(i))
      .reduce((most, { ids, promptLength }) => Math.max(most, ids.length - promptLength), 0);
    if (longest <= maxTokens) continue;
    throw new RangeError(
      `maxTokens is ${maxTokens}, but completions of ${task} have up to ${longest} tokens: set it to ${longest} at least, or leave ${task} out of the tasks`,
    );
  }
}
