/** The R1 recipe. The public face of `@aha/grpo/recipes`; defines nothing itself. */
export { modelSampler, rolloutSampler } from "./rollout_sampler.ts";
export { RECIPE_NAMES, type RecipeOptions, type RecipeSummary, runRecipe } from "./run_recipe.ts";
export { STAGE_TABLE, writeRecipeReport } from "./results/recipe_report.ts";
export type { StageMark } from "./results/stage_mark.ts";
export { type StageResult, stageResults } from "./results/stage_results.ts";
export { type Measured, type StageRow, stageTable } from "./results/stage_table.ts";
export { PAPER_RESULTS, type PaperRow } from "./results/paper_results.ts";
export { type RecipeHooks, STAGE_NAMES, type StageName } from "./stage/lab.ts";
export { GateError } from "./stage/gates.ts";
export { type Fault, type SampledTrace, traceFault, TraceFilter } from "./stage/trace_filter.ts";
export { changedSettings, recipeSettings, type SettingChanges } from "./settings/presets.ts";
export {
  PRESET_NAMES,
  type PresetName,
  type Row,
  type Rows,
  SHARED_ROWS,
  STAGE_ROWS,
  type StageRows,
} from "./settings/settings_table.ts";
export type {
  EvaluationSettings,
  PretrainStageSettings,
  RecipeSettings,
  RlStageSettings,
  SftStageSettings,
  TaskWeights,
  TraceSettings,
} from "./settings/settings.ts";
