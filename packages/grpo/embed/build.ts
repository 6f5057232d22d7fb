/**
 * Makes the embedded models of a recipe's finished folder: `deno task embed RUN_FOLDER --commit HASH [--type Q8_0]
 * [--student-type Q8_0] [--out weights/nano]`. Trains nothing.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { Estimate } from "../src/eval/estimate.ts";
import type { EvalReport } from "../src/eval/report.ts";
import type { StageMark } from "../src/recipes/results/stage_mark.ts";
import { recipeSettings } from "../src/recipes/settings/presets.ts";
import { PRESET_NAMES } from "../src/recipes/settings/settings_table.ts";
import type { RecipeSettings } from "../src/recipes/settings/settings.ts";
import { SUITE_SEED } from "../src/recipes/stage/evaluation.ts";
import type { StageName } from "../src/recipes/stage/lab.ts";
import type { NanoTaskName } from "../src/tasks/nano/prompt.ts";
import { embedModel } from "./embed_model.ts";
import {
  measureFile,
  type Published,
  type PublishedEvaluation,
  type PublishedModel,
  type PublishedTask,
  tasksOf,
} from "./published.ts";

const USAGE =
  "deno task embed RUN_FOLDER --commit HASH [--type Q8_0] [--student-type Q8_0] [--out weights/nano]";
/** Of this repository. */
const OUT = fileURLToPath(new URL("../../../weights/nano", import.meta.url));

/** What is embedded, and how. */
export interface EmbedOptions {
  /** Folder of the recipe, with its stages up to `distill` done. */
  readonly run: string;
  /** Folder of the embedded files. */
  readonly out: string;
  /** Of this project, when the run was made. */
  readonly commit: string;
  /** Number formats of the matrices. */
  readonly type: string;
  readonly studentType: string;
  /** Told of each model, with its report. */
  readonly onModel?: (name: string, model: PublishedModel) => void;
}

/**
 * Writes nano.gguf, nano-student.gguf, nano.json and files.ts. Accuracy is measured on the written files, on the problems and
 * with the sampling of the recipe's own evaluation.
 *
 * @throws {RangeError} where a stage is not done
 */
export async function embed(options: EmbedOptions): Promise<Published> {
  const { run, out, commit, type, studentType } = options;
  const mark = readStage<StageMark>(run, "general_rl", "stage.json");
  for (const stage of ["pretrain", "distill"] as const) readStage(run, stage, "stage.json");
  const evaluation = evaluationOf(mark, readStage<EvalReport>(run, "general_rl", "eval.json"));
  mkdirSync(out, { recursive: true });
  const models = {
    nano: await embedStage(options, "nano", "general_rl", type, evaluation),
    "nano-student": await embedStage(options, "nano-student", "distill", studentType, evaluation),
  };
  const preset = presetOf(run);
  const { seed } = mark;
  const how = preset === null ? "SETTINGS.jsonc" : `r1 --preset ${preset}`;
  const command = `deno task aha train ${how} --seed ${seed}`;
  const published: Published = { preset, seed, commit, command, evaluation, models };
  writeFileSync(join(out, "nano.json"), `${JSON.stringify(published, null, 2)}\n`);
  writeFileSync(join(out, "files.ts"), filesModule(published));
  return published;
}

async function embedStage(
  { run, out, onModel }: EmbedOptions,
  name: keyof Published["models"],
  stage: StageName,
  type: string,
  evaluation: PublishedEvaluation,
): Promise<PublishedModel> {
  const path = join(out, `${name}.gguf`);
  const file = await embedModel(join(run, stage, "model.gguf"), path, { type, name });
  const report = await measureFile(path, evaluation);
  const trained = tasksOf(readStage<EvalReport>(run, stage, "eval.json"));
  const tasks = tasksOf(report).map(({ task, measures, budgets }): PublishedTask => ({
    task: task as NanoTaskName,
    problems: measures.problems,
    accuracy: measures.accuracy,
    majority: estimate(measures.consensusAt.at(-1)!),
    withoutThinking: estimate(budgets[0]),
    thinkingTokens: measures.thoughtLength?.mean ?? 0,
    trained: trained.find((other) => other.task === task)!.measures.accuracy,
  }));
  const model = { file: `${name}.gguf`, stage, ...file, tasks };
  onModel?.(name, model);
  return model;
}

function estimate({ mean, standardError }: Estimate): Estimate {
  return { mean, standardError };
}

/** @throws {RangeError} where the stage is not done */
function readStage<Value>(run: string, stage: StageName, name: string): Value {
  const path = join(run, stage, name);
  if (!existsSync(join(run, stage, "stage.json"))) {
    throw new RangeError(`The stage ${stage} in ${run} is not done: run the recipe to its end`);
  }
  return JSON.parse(readFileSync(path, "utf8"));
}

/** The recipe's own evaluation, out of what its last stage says. */
function evaluationOf({ settings }: StageMark, report: EvalReport): PublishedEvaluation {
  const { languages, levels } = settings as unknown as RecipeSettings;
  const { samples, temperature, topP, maxTokens } = report;
  const tasks = tasksOf(report);
  return {
    seed: SUITE_SEED,
    tasks: Object.fromEntries(tasks.map(({ task }) => [task as NanoTaskName, 1])),
    ...{ languages, levels, problems: tasks[0].measures.problems },
    ...{ samples, temperature, topP, maxTokens },
  };
}

/** The preset whose base and last stage have these settings; some presets share one of them. */
function presetOf(run: string): string | null {
  const isSame = (preset: string) => {
    const { languages, levels, maxTokens, ...stages } = recipeSettings(preset);
    return (["pretrain", "general_rl"] as const).every((stage) => {
      const own: object = { languages, levels, maxTokens, ...stages[stage] };
      const { settings } = readStage<StageMark>(run, stage, "stage.json");
      return JSON.stringify(own) === JSON.stringify(settings);
    });
  };
  return PRESET_NAMES.find(isSame) ?? null;
}

/** What the manifest needs to know, as a module: not every engine reads JSON. */
function filesModule({ models }: Published): string {
  const rows = Object.entries(models).map(([name, { parameters, type, sizeBytes, sha256 }]) =>
    `  ${JSON.stringify(name).replace(/^"(\w+)"$/, "$1")}: {\n` +
    `    parameters: ${grouped(parameters)},\n    type: ${JSON.stringify(type)},\n` +
    `    sizeBytes: ${grouped(sizeBytes)},\n    sha256: ${JSON.stringify(sha256)},\n  },\n`
  );
  return `/** Sizes and checksums of the models beside this file, as \`deno task embed\` wrote them. Opens none. */

/** A model file of this package. */
export interface PackagedFile {
  readonly parameters: number;
  /** Number format of its matrices. */
  readonly type: string;
  readonly sizeBytes: number;
  /** Of the whole file, lower-case hexadecimal. */
  readonly sha256: string;
}

/** By name. */
export const NANO_FILES: Readonly<Record<"nano" | "nano-student", PackagedFile>> = {
${rows.join("")}};
`;
}

function grouped(count: number): string {
  return count.toLocaleString("en-US").replaceAll(",", "_");
}

function tell(name: string, { stage, type, sizeBytes, tasks }: PublishedModel): void {
  console.log(`${name}: stage ${stage}, ${type}, ${sizeBytes} bytes`);
  for (const { task, accuracy, withoutThinking, thinkingTokens, trained } of tasks) {
    const error = accuracy.standardError?.toFixed(3) ?? "unknown";
    console.log(
      `  ${task}: ${accuracy.mean.toFixed(3)} (standard error ${error}), F32 ${
        trained.mean.toFixed(3)
      }, without thinking ${withoutThinking.mean.toFixed(3)}, ${
        thinkingTokens.toFixed(1)
      } thinking tokens`,
    );
  }
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      commit: { type: "string" },
      type: { type: "string", default: "Q8_0" },
      "student-type": { type: "string", default: "Q8_0" },
      out: { type: "string", default: OUT },
    },
  });
  const { commit, type, out, "student-type": studentType } = values;
  if (positionals.length !== 1 || commit === undefined) {
    console.error(`usage: ${USAGE}`);
    process.exit(2);
  }
  await embed({ run: positionals[0], ...{ commit, type, out, studentType }, onModel: tell });
}
