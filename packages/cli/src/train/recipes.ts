/** The recipes of `aha train NAME`: from a request to `runRecipe`, and from its hooks to those of a run. Trains nothing. */
import type { TrainHooks, TrainSummary } from "@aha/grpo";
import {
  changedSettings,
  RECIPE_NAMES,
  recipeSettings,
  runRecipe,
  type SettingChanges,
} from "@aha/grpo/recipes";
import { UsageError } from "../command.ts";
import type { RunRequest } from "./run_request.ts";

/** A run of several stages, by name. Each stage records itself; `hooks` are told of all of them. */
export type Recipe = (request: RunRequest, hooks: TrainHooks) => Promise<TrainSummary>;

const PRESET = "nano";

/** All recipes by name. */
export const recipes: Readonly<Record<string, Recipe>> = Object.fromEntries(
  RECIPE_NAMES.map((name): [string, Recipe] => [
    name,
    (request, hooks) => run(name, request, hooks),
  ]),
);

async function run(
  name: string,
  { preset = PRESET, changes, outputDir, isResumed, isDryRun, compared }: RunRequest,
  hooks: TrainHooks,
): Promise<TrainSummary> {
  if (isDryRun || compared.length > 0) {
    throw new UsageError(`--dry-run and --compare are for a CONFIG, ${name} is a recipe`);
  }
  const start = performance.now();
  const { seed, threads, ...settings } = changes;
  const out = outputDir ?? `runs/${name}-${preset}-${seed ?? 1}`;
  let last: TrainSummary["metrics"] = {};
  let [step, totalSteps] = [0, 0];
  const summary = await runRecipe(name, {
    preset: changedSettings(recipeSettings(preset), settings as SettingChanges),
    ...{ out, seed: seed as number | undefined, resume: isResumed },
    threads: threads as number | undefined,
    hooks: {
      signal: hooks.signal,
      onStage: (stage, what) => {
        if (what !== "begins") hooks.onMessage?.(`${stage}: ${what}`);
      },
      onStart: (begun, stage) => hooks.onStart?.({ ...begun, stage }),
      onMessage: (text, stage) => hooks.onMessage?.(`${stage}: ${text}`),
      onStep(record) {
        last = record.metrics;
        ({ step, totalSteps } = record);
        hooks.onStep(record);
      },
    },
  });
  const models = summary.stages.map((stage) => [stage, `${out}/${stage}/model.gguf`]);
  return {
    ...{ outputDir: out, step, totalSteps, isFinished: summary.isFinished, metrics: last },
    seconds: (performance.now() - start) / 1000,
    // The report is written when a stage is done.
    files: {
      ...Object.fromEntries(models),
      ...(models.length > 0 ? { report: summary.report } : {}),
    },
  };
}
