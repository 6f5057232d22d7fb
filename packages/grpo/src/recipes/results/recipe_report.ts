/** The report of a recipe, its stage table and its plots as files. Chooses no section. */
import { htmlReport } from "../../report/html_report.ts";
import { curveSvg } from "../../report/curve_svg.ts";
import { RUN_FILES } from "../../run/step_record.ts";
import { recipePlots } from "./recipe_plots.ts";
import { recipeSections } from "./recipe_sections.ts";
import { stageResults, writeResult } from "./stage_results.ts";
import { stageTable } from "./stage_table.ts";

/** Name of the stage table. */
export const STAGE_TABLE = "stages.json";

/**
 * Writes `report.html`, `stages.json` (see `StageRow`) and the main plots (`accuracy.svg`, `thoughts.svg`, `budgets.svg`,
 * `votes.svg`) of the stages that are done into the first of the folders, which hold one recipe with different seeds.
 */
export function writeRecipeReport(folders: readonly string[], into = folders[0]): string {
  const runs = folders.map(stageResults);
  writeResult(into, STAGE_TABLE, `${JSON.stringify(stageTable(runs), null, 1)}\n`);
  const seeds = runs.map(([first]) => first?.mark.seed).filter((seed) => seed !== undefined);
  const html = htmlReport(recipeSections(runs), {
    title: "The R1 recipe, stage by stage",
    lead: `seed ${seeds.join(", ")}; curves and samples are those of the first`,
    footer: "Made by aha train r1 from the stages' eval.json, metrics.jsonl and samples.jsonl.",
  });
  writeResult(into, RUN_FILES.report, html);
  for (const [name, section] of Object.entries(recipePlots(runs[0] ?? []))) {
    writeResult(into, name, curveSvg(section));
  }
  return `${into}/${RUN_FILES.report}`;
}
