/** `aha train`: a run from a configuration file, or a recipe by name. What trains is given to it. */
import { recorded, train, type Trainer, type TrainHooks, type TrainSummary } from "@aha/grpo";
import type { Sample } from "@aha/grpo";
import type { Command, CommandInput, CommandIo } from "../command.ts";
import { flagOption } from "../options.ts";
import { interruptedCode } from "../terminal/interrupts.ts";
import { readTextInput } from "../terminal/text_input.ts";
import { type Recipe, recipes } from "../train/recipes.ts";
import { configOf, isConfigFile, readRequest, trainOptionSpecs } from "../train/run_request.ts";
import { RunWatcher } from "../train/run_watcher.ts";
import { rewardSummary, sampleText } from "../train/sample_text.ts";
import { durationText } from "../train/step_clock.ts";

/** What the command starts. */
export interface TrainParts {
  readonly train: Trainer;
  readonly recipes?: Readonly<Record<string, Recipe>>;
}

/** `aha train NAME|CONFIG` over a trainer and recipes. */
export function trainCommand(parts: TrainParts): Command {
  return {
    name: "train",
    usage: "train NAME|CONFIG [--preset P] [--set KEY=VALUE]... [--resume] [--dry-run] [options]",
    details:
      `CONFIG is a JSON file, comments allowed, with TRL's names or ours: packages/grpo/docs/trl.md lists
them, packages/grpo/schema/run_config.schema.json lets editors check it. NAME is a recipe:
r1 (all of it) or one of its stages with those before it: pretrain, r1_zero, cold_start, reasoning_rl,
rejection_sampling, general_rl, student, distill, student_rl, student_direct, student_shuffled. Presets of
a recipe are ci, mini, nano (default) and micro; every stage has a folder of its own, and --resume goes on anywhere.
Presets of a CONFIG are r1-zero, r1-stage-1, r1-stage-2, dapo and dr-grpo.
Paths in CONFIG start from its folder where something is there, else from the current one, as --out does.
The run's folder gets config.json, metrics.jsonl, samples.jsonl, report.html, the checkpoint and the model.
The first Ctrl-C (or SIGTERM) drops the step that is under way and saves, the second ends at once.
--json prints {outputDir, step, totalSteps, isFinished, seconds, metrics, files}; with --dry-run {config, samples}.
  aha train run.jsonc --dry-run
  aha train run.jsonc --preset r1-zero --set per_device_train_batch_size=16 --seed 1
  aha train r1 --preset mini --out runs/mini`,
    positionals: ["NAME|CONFIG"],
    options: trainOptionSpecs,
    run: (input, io) => run(parts, input, io),
  };
}

export const command: Command = trainCommand({ train, recipes });

async function run(
  { train, recipes: known = {} }: TrainParts,
  { positionals: [target], values }: CommandInput,
  io: CommandIo,
): Promise<number> {
  const request = readRequest(target, values);
  const asJson = flagOption(values, "json");
  if (!isConfigFile(target, Object.keys(known))) {
    const { hooks } = new RunWatcher(target, io);
    const { isResumed, isDryRun } = request;
    return tell(
      await known[target](request, { ...hooks, isResumed, isDryRun }),
      io,
      asJson,
    );
  }
  const config = configOf(await readTextInput(target, io), request);
  const recording = recorded(train, request.compared);
  const watcher = new RunWatcher(`${target}, ${config.model}`, io);
  if (!request.isDryRun) {
    const hooks = { ...watcher.hooks, isResumed: request.isResumed };
    return tell(await recording(config, hooks), io, asJson);
  }
  const samples: Sample[] = [];
  const onStep: TrainHooks["onStep"] = (record) => void samples.push(...record.samples);
  await recording(config, { ...watcher.hooks, onStep, isDryRun: true });
  io.out(asJson ? `${JSON.stringify({ config, samples })}\n` : dryText(samples));
  return 0;
}

function dryText(samples: readonly Sample[]): string {
  return samples.map((sample, i) => sampleText(sample, i + 1)).join("") + rewardSummary(samples);
}

/** The end of a run, for people or programs. */
function tell(summary: TrainSummary, io: CommandIo, asJson: boolean): number {
  const { step, totalSteps, isFinished, seconds, files } = summary;
  if (asJson) io.out(`${JSON.stringify(summary)}\n`);
  else {
    const how = isFinished ? "Done" : "Saved";
    io.out(`${how}: step ${step} of ${totalSteps} in ${durationText(seconds)}\n`);
    for (const [name, path] of Object.entries(files)) io.out(`  ${name.padEnd(10)} ${path}\n`);
  }
  if (isFinished) return 0;
  io.error(`The same command with --resume goes on from here\n`);
  return interruptedCode(io.signal);
}
