/** The R1 recipe, stage by stage: what is done is skipped, what was begun goes on, each stage is measured. Trains nothing itself. */
import type { EvalReport } from "../eval/report.ts";
import { CheckpointFolder } from "../run/checkpoint_folder.ts";
import { count } from "../settings/field.ts";
import { readStepLines } from "../run/record/step_file.ts";
import { RUN_FILES } from "../run/step_record.ts";
import { writeRecipeReport } from "./results/recipe_report.ts";
import type { StageMark } from "./results/stage_mark.ts";
import { checkSettings } from "./settings/check_settings.ts";
import { recipeSettings } from "./settings/presets.ts";
import type { RecipeSettings } from "./settings/settings.ts";
import { evaluateStage } from "./stage/evaluation.ts";
import {
  folderOf,
  type Lab,
  type RecipeHooks,
  type Stage,
  STAGE_NAMES,
  type StageName,
  tell,
} from "./stage/lab.ts";
import { STAGE_FILES } from "./stage/stage_folder.ts";
import { expectSettings, keepSettings, settingsOf } from "./stage/stage_settings.ts";
import { coldStart } from "./stages/cold_start.ts";
import { studentDirect, studentRl, studentShuffled } from "./stages/controls.ts";
import { distill } from "./stages/distill.ts";
import { generalRl } from "./stages/general_rl.ts";
import { pretrain, student } from "./stages/pretrain.ts";
import { r1Zero } from "./stages/r1_zero.ts";
import { reasoningRl } from "./stages/reasoning_rl.ts";
import { rejectionSampling } from "./stages/rejection_sampling.ts";

/** All stages in their order. */
const STAGES: readonly Stage[] = [
  ...[pretrain, r1Zero, coldStart, reasoningRl, rejectionSampling, generalRl],
  ...[student, distill, studentRl, studentDirect, studentShuffled],
];

/** Names that `runRecipe` knows: `r1` is all stages, a stage's name is that stage with those that it needs. */
export const RECIPE_NAMES: readonly ("r1" | StageName)[] = ["r1", ...STAGE_NAMES];

/** What a recipe is run with. */
export interface RecipeOptions {
  /** A preset's name, or settings of one's own. */
  readonly preset: string | RecipeSettings;
  /** Folder of the recipe. */
  readonly out: string;
  /** Default 1. */
  readonly seed?: number;
  /** Whether a folder that has stages already is gone on with. Default false. */
  readonly resume?: boolean;
  readonly threads?: number;
  readonly hooks?: RecipeHooks;
}

/** How a recipe has ended. */
export interface RecipeSummary {
  readonly out: string;
  /** False where the signal ended it: run it again with `resume`. */
  readonly isFinished: boolean;
  /** Stages that are done, in order. */
  readonly stages: readonly StageName[];
  /** `report.html`; it tells of what is done so far, and is there when a stage is done. */
  readonly report: string;
}

/**
 * Runs a recipe, or goes on with it, to the same bits: every stage leaves its data, metrics, samples, checkpoint, model and
 * evaluation in a folder of its own, and `stage.json` last of all.
 *
 * @throws {TypeError | RangeError} for a name or preset that there is not, and settings that lead nowhere
 * @throws {Error} for a folder that is used already, or whose stages were made otherwise, or that another
 * process is at work in
 * @throws {OutputError} for a folder that cannot be made
 * @throws {GateError | GuardError} where a gate ends a stage; what was done stays
 *
 * @example
 * ```ts
 * import { changedSettings, recipeSettings, runRecipe } from "@aha/grpo/recipes";
 *
 * // The smallest preset, with a base that is hardly trained; `runRecipe("r1", { preset: "mini", out })` is the real thing.
 * const preset = changedSettings(recipeSettings("ci"), {
 *   pretrain: { steps: 2, completionLossLimit: Infinity },
 *   evaluation: { problems: 2, samples: 2 },
 * });
 * const out = Deno.makeTempDirSync();
 * const { stages } = await runRecipe("pretrain", {
 *   preset,
 *   out,
 *   hooks: { onMessage: (text, stage) => console.log(stage, text) },
 * });
 * console.log(stages); // ["pretrain"]
 * Deno.removeSync(out, { recursive: true });
 * ```
 */
export async function runRecipe(name: string, options: RecipeOptions): Promise<RecipeSummary> {
  const { preset, out, seed = 1, resume = false, threads, hooks = {} } = options;
  const settings = typeof preset === "string" ? recipeSettings(preset) : preset;
  const stages = stagesOf(name);
  checkSettings(settings);
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new RangeError(`seed is ${seed}, it must be a whole number of at least 0`);
  }
  const lab: Lab = { out, seed, settings, threads, hooks };
  if (threads !== undefined) count.read(threads, "threads");
  expectPlace(lab, resume);
  using _lock = new CheckpointFolder(out).lock();
  const done: StageName[] = [];
  let isFinished = true;
  for (const stage of stages) {
    isFinished = await runStage(lab, stage);
    if (!isFinished) break;
    done.push(stage.name);
    writeRecipeReport([out]);
  }
  return { out, isFinished, stages: done, report: `${out}/${RUN_FILES.report}` };
}

/** The stages of a recipe in their order: those that it names and those that these need. */
function stagesOf(name: string): Stage[] {
  if (name === "r1") return [...STAGES];
  const wanted = new Set<StageName>();
  const want = (one: StageName): void => {
    const stage = STAGES.find((other) => other.name === one);
    if (!stage) {
      throw new RangeError(
        `recipe is ${JSON.stringify(one)}, it must be one of ${RECIPE_NAMES.join(", ")}`,
      );
    }
    stage.needs.forEach(want);
    wanted.add(one);
  };
  want(name as StageName);
  return STAGES.filter((stage) => wanted.has(stage.name));
}

/** Does a stage, or what is left of it; false where the signal came first. */
async function runStage(lab: Lab, stage: Stage): Promise<boolean> {
  const { hooks: { signal, onStage } } = lab;
  const { name } = stage;
  if (isDone(lab, name)) {
    onStage?.(name, "skipped");
    return true;
  }
  onStage?.(name, "begins");
  try {
    signal?.throwIfAborted();
    const folder = folderOf(lab, name);
    await keepSettings(lab, name);
    if (!folder.has(RUN_FILES.model)) await stage.run(lab);
    const report = await evaluateStage(lab, name, name === "general_rl" || name === "distill");
    await folder.writeJson(STAGE_FILES.done, markOf(lab, stage, report));
  } catch (error) {
    if (!signal?.aborted) {
      folderOf(lab, name).log((error as Error).message);
      throw error;
    }
    tell(lab, name, "stopped: it goes on from here with resume");
    return false;
  }
  onStage?.(name, "done");
  return true;
}

/** @throws {Error} where the stage was made otherwise */
function isDone(lab: Lab, name: StageName): boolean {
  const mark = folderOf(lab, name).read<StageMark>(STAGE_FILES.done);
  expectSettings(lab, name, mark);
  return mark !== undefined;
}

/** @throws {Error} where stages stand in the folder of a recipe that begins, and where none does of one that goes on */
function expectPlace(lab: Lab, resume: boolean): void {
  const used = STAGE_NAMES.find((name) => folderOf(lab, name).has(""));
  if (resume === (used !== undefined)) return;
  throw new Error(
    resume
      ? `Cannot resume in ${lab.out}: no stage stands there; leave out --resume to begin, or name the folder that it began in`
      : `Cannot begin in ${lab.out}: the stage ${used} stands there already; resume it, or take another folder`,
  );
}

function markOf(lab: Lab, { name, needs }: Stage, report: EvalReport): StageMark {
  const steps = readStepLines(folderOf(lab, name).readText(RUN_FILES.metrics));
  const training = steps.reduce((sum, line) => sum + Number(line.step_time ?? 0), 0);
  return {
    stage: name,
    seed: lab.seed,
    settings: settingsOf(lab, name),
    steps: steps.at(-1)?.step ?? 0,
    tokens: Number(steps.at(-1)?.num_tokens ?? 0),
    seconds: { training, evaluation: report.seconds },
    needs,
  };
}
