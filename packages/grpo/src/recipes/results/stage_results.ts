/** What the stages of a recipe's folder have left, read back. Computes nothing. */
import { builtin } from "@aha/runtime/host";
import type { EvalReport } from "../../eval/report.ts";
import type { RunData } from "../../report/run_data.ts";
import { readRunFolder } from "../../run/record/run_folder.ts";
import { STAGE_NAMES, type StageName } from "../stage/lab.ts";
import { STAGE_FILES, StageFolder } from "../stage/stage_folder.ts";
import type { StageMark } from "./stage_mark.ts";

/** A stage that is done. */
export interface StageResult {
  readonly stage: StageName;
  readonly mark: StageMark;
  readonly evaluation: EvalReport;
  /** Metrics and samples of its training. */
  readonly run: RunData;
}

/** The stages of a folder that are done, in their order. */
export function stageResults(out: string): StageResult[] {
  return STAGE_NAMES.flatMap((stage) => {
    const folder = new StageFolder(`${out}/${stage}`);
    const mark = folder.read<StageMark>(STAGE_FILES.done);
    const evaluation = folder.read<EvalReport>(STAGE_FILES.evaluation);
    return mark && evaluation ? [{ stage, mark, evaluation, run: readRunFolder(folder.path) }] : [];
  });
}

/** Text of a small file in the folder, written in one step. */
export function writeResult(out: string, name: string, text: string): void {
  const fs = builtin("node:fs");
  const path = `${out}/${name}`;
  fs.writeFileSync(`${path}.part`, text);
  fs.renameSync(`${path}.part`, path);
}
