/** A run's folder as the report needs it: configuration, metrics, samples and warnings read back. Writes the report alone. */
import { builtin } from "@aha/runtime/host";
import { runReport } from "../../report/run_report.ts";
import type { RunData, StepNumbers, StepSample, StepWarning } from "../../report/run_data.ts";
import { RUN_FILES } from "../step_record.ts";
import { readStepLines, type StepLine } from "./step_file.ts";

/** Reads a run's folder; files that are not there count as empty. */
export function readRunFolder(folder: string): RunData {
  const { existsSync, readFileSync } = builtin("node:fs");
  const read = (name: string): string =>
    existsSync(`${folder}/${name}`) ? readFileSync(`${folder}/${name}`, "utf8") : "";
  return {
    name: folder.replace(/[/\\]+$/, "").replace(/^.*[/\\]/, "") || folder,
    config: JSON.parse(read(RUN_FILES.config) || "{}"),
    metrics: readStepLines(read(RUN_FILES.metrics)).map(numbersOf),
    samples: readStepLines(read(RUN_FILES.samples)) as unknown as StepSample[],
    warnings: readStepLines(read(RUN_FILES.warnings)) as unknown as StepWarning[],
  };
}

function numbersOf({ step, ...line }: StepLine): StepNumbers {
  const values = Object.entries(line).filter(([, value]) => value === null || isNumber(value));
  return {
    step,
    values: Object.fromEntries(values.map(([key, value]) => [key, value ?? NaN])),
  } as StepNumbers;
}

function isNumber(value: unknown): value is number {
  return typeof value === "number";
}

/** Writes `report.html` of a run, with other runs beside it; gives its path. */
export function writeRunReport(folder: string, compared: readonly string[] = []): string {
  const path = `${folder}/${RUN_FILES.report}`;
  const html = runReport([folder, ...compared].map(readRunFolder));
  builtin("node:fs").writeFileSync(path, html);
  return path;
}
