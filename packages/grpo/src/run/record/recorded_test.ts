/** Tests of recorded.ts and step_file.ts: what a run leaves, what a resumed one cuts off and mends. Trains nothing. */
import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import process from "node:process";
import { scriptedStep, scriptedTrainer } from "../../../../../tests/support/scripted_run.ts";
import { readRunConfig } from "../config/read_run_config.ts";
import type { GrpoRunConfig } from "../run_config.ts";
import { recorded } from "./recorded.ts";
import { readRunFolder } from "./run_folder.ts";
import { StepFile } from "./step_file.ts";

const folders: string[] = [];

function folder(): string {
  folders.push(Deno.makeTempDirSync({ prefix: "aha-run-" }));
  return folders[folders.length - 1];
}

Deno.test.afterAll(() => folders.forEach((path) => Deno.removeSync(path, { recursive: true })));

function configIn(outputDir: string): GrpoRunConfig {
  return readRunConfig({ model: "m", task: "t", rewards: ["a"], outputDir }) as GrpoRunConfig;
}

const HOOKS = { onStep() {}, onWarning() {}, signal: new AbortController().signal };

Deno.test("a run leaves configuration, metrics, samples, warnings and report", async () => {
  const config = configIn(`${folder()}/new/run-1`);
  const seen: number[] = [];
  const hooks = { ...HOOKS, onStep: ({ step }: { step: number }) => void seen.push(step) };
  const summary = await recorded(scriptedTrainer({ totalSteps: 5 }))(config, hooks);
  assertEquals(seen, [1, 2, 3, 4, 5]);
  const run = readRunFolder(config.outputDir!);
  assertEquals(run.name, "run-1");
  assertEquals(run.metrics.map(({ step }) => step), seen);
  assertEquals(run.metrics[2].values, { ...scriptedStep(3, 5).metrics });
  assertEquals(run.samples.length, 10);
  assertEquals(run.warnings, [{ step: 2, text: "90 % of the completions were cut off" }]);
  assertEquals(readRunConfig(run.config), config);
  assertEquals(run.config.$run, { totalSteps: 5, version: "test" });
  assertStringIncludes(Deno.readTextFileSync(summary.files.report), "<h1>run-1</h1>");
});

Deno.test("a killed run that goes on has the files of one that was not", async () => {
  const [whole, killed] = [configIn(folder()), configIn(folder())];
  await recorded(scriptedTrainer({ totalSteps: 9 }))(whole, HOOKS);
  const dies = scriptedTrainer({
    totalSteps: 9,
    beforeStep: (step) => {
      if (step === 7) throw new Error("killed");
    },
  });
  await assertRejects(() => recorded(dies)(killed, HOOKS), Error, "killed");
  const path = `${killed.outputDir}/metrics.jsonl`;
  Deno.writeTextFileSync(path, '{"step":7,"rewa', { append: true });
  const resumed = scriptedTrainer({ totalSteps: 9, checkpointStep: 4 });
  await recorded(resumed)(killed, { ...HOOKS, isResumed: true });
  for (const name of ["metrics.jsonl", "samples.jsonl"]) {
    assertEquals(
      Deno.readTextFileSync(`${killed.outputDir}/${name}`),
      Deno.readTextFileSync(`${whole.outputDir}/${name}`),
    );
  }
});

Deno.test("a folder with steps is not begun anew, a dry run leaves nothing", async () => {
  const config = configIn(folder());
  const train = recorded(scriptedTrainer({ totalSteps: 2 }));
  await train(config, { ...HOOKS, isDryRun: true });
  assertEquals([...Deno.readDirSync(config.outputDir!)], []);
  await train(config, HOOKS);
  await assertRejects(() => train(config, HOOKS), Error, "has the steps of a run already");
});

Deno.test("StepFile: numbers that are not finite come back as NaN", () => {
  const dir = folder();
  const file = new StepFile(`${dir}/metrics.jsonl`);
  file.append([{ step: 1, a: NaN, b: Infinity, c: 1 }]);
  file.close();
  const [{ values }] = readRunFolder(dir).metrics;
  assertEquals(values, { a: NaN, b: NaN, c: 1 });
});

Deno.test("StepFile: a full disk is told by the file's name", () => {
  const path = `${folder()}/metrics.jsonl`;
  const file = new StepFile(path);
  const fs = process.getBuiltinModule("node:fs");
  const { writeSync } = fs;
  try {
    fs.writeSync = () => {
      throw Object.assign(new Error("no space"), { code: "ENOSPC" });
    };
    assertThrows(() => file.append([{ step: 1 }]), Error, `Cannot write ${path}: the disk is full`);
  } finally {
    fs.writeSync = writeSync;
    file.close();
  }
});
