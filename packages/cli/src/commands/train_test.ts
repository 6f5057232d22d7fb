/** Tests of train.ts: what the command reads, starts, prints and how it ends, over a scripted trainer. Trains nothing. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { RunConfig, TrainHooks } from "@aha/grpo";
import { capturedIo } from "../../../../tests/support/captured_io.ts";
import { type ScriptedRun, scriptedTrainer } from "../../../../tests/support/scripted_run.ts";
import { main } from "../cli.ts";
import type { CommandIo } from "../command.ts";
import { InterruptedError } from "../terminal/interrupts.ts";
import { trainCommand, type TrainParts } from "./train.ts";

const CONFIG = `{ // a run
  "model": "nano", "task": "sums", "rewards": ["accuracy"], "learning_rate": 1e-5,
}`;

const folders: string[] = [];
Deno.test.afterAll(() => folders.forEach((path) => Deno.removeSync(path, { recursive: true })));

/** The command in a folder of its own with a configuration; `configs` are those that were trained by. */
async function train(
  words: readonly string[],
  script: Partial<ScriptedRun> = {},
  parts: Partial<TrainParts> = {},
  io: Partial<CommandIo> = {},
) {
  const folder = Deno.makeTempDirSync({ prefix: "aha-train-" });
  folders.push(folder);
  Deno.writeTextFileSync(`${folder}/run.jsonc`, CONFIG);
  Deno.writeTextFileSync(
    `${folder}/wrong.json`,
    CONFIG.replace("1e-5", '"fast"').replace("// a run", ""),
  );
  const configs: RunConfig[] = [];
  const scripted = scriptedTrainer({ totalSteps: 4, ...script });
  const command = trainCommand({
    train: (config, hooks) => {
      configs.push(config);
      return scripted(config, hooks);
    },
    ...parts,
  });
  const captured = capturedIo();
  const load = () => Promise.resolve({ command });
  const named = words.map((word) => word.replace(/^@/, `${folder}/`));
  const code = await main(["train", ...named], { ...captured.io, ...io }, [
    { name: "train", summary: "train a model", load },
  ]);
  return { code, ...captured.written, configs, folder };
}

Deno.test("train: a run from a file, with its folder and summary", async () => {
  const { code, out, error, configs, folder } = await train(["@run.jsonc", "--out", "@made"]);
  assertEquals([code, configs.length], [0, 1]);
  assertEquals([configs[0].learningRate, configs[0].outputDir], [1e-5, `${folder}/made`]);
  assertStringIncludes(out, "Done: step 4 of 4 in 1s\n");
  assertStringIncludes(out, `${folder}/made/report.html`);
  assertEquals(error.match(/^step \d\/4/gm)?.length, 4);
  assertStringIncludes(error, "warning: 90 % of the completions were cut off");
});

Deno.test("train: options change values in whichever spelling", async () => {
  const { configs } = await train([
    ...["@run.jsonc", "--out", "@made", "--seed", "7", "--preset", "dapo"],
    ...["--set", "learningRate=2e-5", "--set", "lora.rank=8", "--set", "lora.alpha=4"],
    ...["--set", "num_generations=8", "--set", "task=digits", "--set", 'rewards=["a","b"]'],
  ]);
  const [config] = configs;
  assert(config.kind === "grpo");
  assertEquals([config.seed, config.learningRate, config.lora?.rank, config.lora?.alpha], [
    7,
    2e-5,
    8,
    4,
  ]);
  assertEquals([config.task, config.rewards.length], [{ name: "digits", options: {} }, 2]);
  assertEquals([config.objective.epsilonHigh, config.numGenerations], [0.28, 8]);
});

Deno.test("train: options change values by TRL's other names too, at the place of ours", async () => {
  const { configs: [config] } = await train([
    ...["@run.jsonc", "--out", "@made", "--set", 'reward_funcs=["b"]'],
    ...["--set", "model_name_or_path=other"],
  ]);
  assert(config.kind === "grpo");
  assertEquals([config.rewards.map(({ name }) => name), config.model], [["b"], "other"]);
});

Deno.test("train: --json prints one document, --dry-run samples with rewards and no files", async () => {
  const json = await train(["@run.jsonc", "--out", "@made", "--json"]);
  const summary = JSON.parse(json.out);
  assertEquals([summary.step, summary.isFinished], [4, true]);
  const dry = await train(["@run.jsonc", "--out", "@made", "--dry-run"]);
  assertStringIncludes(dry.out, "--- sample 1: reward not judged (accuracy not judged, format 0)");
  assertStringIncludes(dry.out, "accuracy: mean – over 0, 2 not judged\n");
  assertEquals([...Deno.readDirSync(dry.folder)].map(({ name }) => name).sort(), [
    "run.jsonc",
    "wrong.json",
  ]);
  const both = JSON.parse((await train(["@run.jsonc", "--dry-run", "--json"])).out);
  assertEquals([both.config.model, both.samples.length], ["nano", 2]);
});

Deno.test("train: Ctrl-C saves and says how to go on; --resume goes on", async () => {
  const controller = new AbortController();
  const beforeStep = (step: number) => void (step === 2 && controller.abort());
  const { signal } = controller;
  const ended = await train(["@run.jsonc", "--out", "@made"], { beforeStep }, {}, { signal });
  assertEquals(ended.code, 130);
  assertStringIncludes(ended.out, "Saved: step 2 of 4");
  assertStringIncludes(ended.error, "--resume goes on from here");
  assertStringIncludes(ended.error, "Saving as of the last whole step");
  const terminated = { signal: AbortSignal.abort(new InterruptedError(143)) };
  assertEquals((await train(["@run.jsonc", "--out", "@made"], {}, {}, terminated)).code, 143);
  const again = await train([
    `${ended.folder}/run.jsonc`,
    "--out",
    `${ended.folder}/made`,
    "--resume",
  ], {
    checkpointStep: 2,
  });
  assertEquals(again.code, 0);
  assertStringIncludes(again.error, "going on after step 2 of 4");
  const lines = Deno.readTextFileSync(`${ended.folder}/made/metrics.jsonl`).trim().split("\n");
  assertEquals(lines.map((line) => JSON.parse(line).step), [1, 2, 3, 4]);
});

Deno.test("train: a recipe by name", async () => {
  let asked: unknown;
  const recipe = (request: unknown, hooks: TrainHooks) => {
    asked = request;
    return scriptedTrainer({ totalSteps: 2 })({ outputDir: "x" } as RunConfig, hooks);
  };
  const { code, out } = await train(["r1", "--preset", "ci", "--seed", "3"], {}, {
    recipes: { r1: recipe },
  });
  assertEquals(code, 0);
  assertStringIncludes(out, "Done: step 2 of 2");
  assertEquals(asked, {
    target: "r1",
    preset: "ci",
    changes: { seed: 3 },
    outputDir: undefined,
    isResumed: false,
    isDryRun: false,
    compared: [],
  });
});

Deno.test("train: what is wrong is one line that names it", async () => {
  const recipes = { r1_zero: () => Promise.reject(new Error("not asked")) };
  const cases: [string[], number, string][] = [
    [["r1_zer"], 2, 'there is no recipe "r1_zer"; did you mean r1_zero?'],
    [["@none.json"], 1, "none.json: there is no such file"],
    [["@wrong.json"], 1, 'wrong.json: learning_rate is "fast", it must be a number of at least 0'],
    [["@run.jsonc", "--set", "novalue"], 2, '--set "novalue" is not allowed; give KEY=VALUE'],
    [["@run.jsonc", "--set", "num_generation=4"], 1, "did you mean num_generations?"],
    [["@run.jsonc", "--preset", "dapoo"], 1, 'preset is "dapoo"; did you mean dapo?'],
    [["@run.jsonc", "--resume", "--dry-run"], 2, "exclude each other"],
    [["@run.jsonc", "--seed", "x"], 2, "--seed"],
    [[], 2, "train needs NAME|CONFIG"],
  ];
  for (const [words, code, message] of cases) {
    const result = await train(words, {}, { recipes });
    assertEquals(result.code, code, result.error);
    assertStringIncludes(result.error, message);
    assertEquals(result.error.split("\n").length, 2);
  }
  const first = await train(["@run.jsonc", "--out", "@made"]);
  const again = await train([`${first.folder}/run.jsonc`, "--out", `${first.folder}/made`]);
  assertEquals(again.code, 1);
  assertStringIncludes(
    again.error,
    "has the steps of a run already; resume it, or take another folder",
  );
});
