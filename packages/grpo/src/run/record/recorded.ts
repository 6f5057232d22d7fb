/** A trainer whose runs leave their configuration, metrics, samples, warnings and report in their folder. Trains nothing. */
import { OutputError } from "@aha/runtime";
import { builtin } from "@aha/runtime/host";
import { configJson } from "../config/config_json.ts";
import type { RunConfig } from "../run_config.ts";
import { RUN_FILES } from "../step_record.ts";
import type { RunStart, Trainer, TrainHooks } from "../trainer.ts";
import { writeRunReport } from "./run_folder.ts";
import { StepFile } from "./step_file.ts";

/**
 * The trainer with the files of `RUN_FILES` that tell of a run; a dry run leaves none. `compared` are folders of other runs
 * that the report shows beside this one.
 * @throws {OutputError} if the folder has steps of a run already and the run is not resumed, or cannot be written
 */
export function recorded(train: Trainer, compared: readonly string[] = []): Trainer {
  return async (config, hooks) => {
    if (hooks.isDryRun) return await train(config, hooks);
    const folder = folderOf(config);
    if (!hooks.isResumed) refuseUsed(folder);
    let record: RunRecord | undefined;
    try {
      const summary = await train(config, {
        ...hooks,
        onStart(start) {
          record = new RunRecord(folder, config, start);
          hooks.onStart?.(start);
        },
        ...told(() => record, hooks),
      });
      const report = writeRunReport(folder, compared);
      return { ...summary, files: { ...summary.files, report } };
    } catch (error) {
      if (record) tryReport(folder, compared);
      throw error;
    } finally {
      record?.close();
    }
  };
}

/** Of a run that has failed, for example because the disk is full: what failed first is told. */
function tryReport(folder: string, compared: readonly string[]): void {
  try {
    writeRunReport(folder, compared);
  } catch {
    // The error that ended the run is on its way.
  }
}

function told(
  record: () => RunRecord | undefined,
  hooks: TrainHooks,
): Pick<TrainHooks, "onStep" | "onWarning"> {
  return {
    onStep(step) {
      const { samples, metrics } = step;
      record()?.metrics.append([{ step: step.step, ...metrics }]);
      record()?.samples.append(samples.map((sample) => ({ step: step.step, ...sample })));
      record()?.reach(step.step);
      hooks.onStep(step);
    },
    onWarning(text) {
      record()?.warn(text);
      hooks.onWarning(text);
    },
  };
}

function folderOf({ outputDir }: RunConfig): string {
  if (outputDir !== null) return outputDir;
  throw new TypeError("output_dir is missing: a run needs a folder for its files");
}

function refuseUsed(folder: string): void {
  const { existsSync, statSync } = builtin("node:fs");
  const path = `${folder}/${RUN_FILES.metrics}`;
  if (!existsSync(path) || statSync(path).size === 0) return;
  throw new OutputError(
    `Cannot begin in ${folder}: it has the steps of a run already; resume it, or take another folder`,
    folder,
  );
}

/** The open files of a run. */
class RunRecord {
  readonly metrics: StepFile;
  readonly samples: StepFile;
  readonly #warnings: StepFile;
  #step: number;

  constructor(folder: string, config: RunConfig, { step, totalSteps, about }: RunStart) {
    const { mkdirSync, writeFileSync } = builtin("node:fs");
    mkdirSync(folder, { recursive: true });
    const whole = { ...configJson(config), $run: { totalSteps, ...about } };
    writeFileSync(`${folder}/${RUN_FILES.config}`, `${JSON.stringify(whole, null, 2)}\n`);
    this.metrics = new StepFile(`${folder}/${RUN_FILES.metrics}`, step);
    this.samples = new StepFile(`${folder}/${RUN_FILES.samples}`, step);
    this.#warnings = new StepFile(`${folder}/${RUN_FILES.warnings}`, step);
    this.#step = step;
  }

  reach(step: number): void {
    this.#step = step;
  }

  warn(text: string): void {
    this.#warnings.append([{ step: this.#step, text }]);
  }

  close(): void {
    for (const file of [this.metrics, this.samples, this.#warnings]) file.close();
  }
}
