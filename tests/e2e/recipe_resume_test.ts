/** A whole recipe in small: stopped and killed in its stages and gone on with, it leaves the bits of one that was not. Teaches nothing. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { SHAPES } from "@aha/grpo";
import {
  changedSettings,
  GateError,
  type RecipeSettings,
  recipeSettings,
  runRecipe,
  STAGE_NAMES,
  type StageName,
} from "@aha/grpo/recipes";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A mixture and a dense student that learn the form; a guess is right once in ten, so that filters keep something. */
function smallSettings(): RecipeSettings {
  const tasks = { CHAIN6: 1 };
  const rl = { tasks, steps: 3, prompts: 4, group: 4, warmupSteps: 1, learningRate: 1e-4 };
  const sft = { batch: 8, warmupSteps: 1, epochs: 2, learningRate: 1e-4 };
  const traces = { ...sft, tasks, count: 16 };
  const base = {
    ...{ tasks, thoughtShare: 0.9, taggedShare: 1, batchDocuments: 16, steps: 12, warmupSteps: 6 },
    ...{ learningRate: 8e-3, completionLossLimit: 2, restartSteps: 16, mostSteps: 108 },
  };
  return changedSettings(recipeSettings("ci"), {
    // A gate that does not open at once: the schedule begins anew.
    pretrain: { ...base, shape: SHAPES.ci_v3, completionLossLimit: 1.4 },
    r1_zero: { ...rl, steps: 24, hasGates: false },
    cold_start: traces,
    reasoning_rl: { ...rl, hasGates: false },
    rejection_sampling: { ...traces, generalCount: 8 },
    general_rl: rl,
    student: { ...base, shape: SHAPES.student, steps: 4, completionLossLimit: 9 },
    distill: traces,
    student_rl: rl,
    student_direct: sft,
    student_shuffled: sft,
    evaluation: { tasks, problems: 3, samples: 2, budgets: [0, 3] },
  });
}

/** Runs to a step of a stage, where `end` ends it. */
async function runTo(
  out: string,
  at: { readonly stage: StageName; readonly step: number },
  end: (stop: AbortController) => void,
): Promise<boolean> {
  const stop = new AbortController();
  const { isFinished } = await runRecipe("r1", {
    ...{ preset: smallSettings(), out, seed: 3, resume: existsSync(out) },
    hooks: {
      signal: stop.signal,
      onStep({ step }, stage) {
        if (stage === at.stage && step === at.step) end(stop);
      },
    },
  });
  return isFinished;
}

/** What a stage has left, without times. */
function leftBy(out: string, stage: StageName) {
  const text = (name: string) => {
    const path = join(out, stage, name);
    return existsSync(path) ? readFileSync(path, "utf8") : "";
  };
  return {
    model: readFileSync(join(out, stage, "model.gguf")),
    data: text("data.jsonl"),
    samples: text("samples.jsonl"),
    metrics: text("metrics.jsonl").replace(/"step_time":[\d.e-]+/g, ""),
    evaluation: text("eval.json").replace(/"seconds": [\d.e-]+/g, ""),
  };
}

Deno.test("recipe: stopped or killed anywhere and gone on with, every stage has the same bits", async () => {
  const folder = mkdtempSync(join(tmpdir(), "aha-recipe-"));
  try {
    const [whole, broken] = [join(folder, "whole"), join(folder, "broken")];
    const messages: string[] = [];
    const { isFinished, report } = await runRecipe("r1", {
      ...{ preset: smallSettings(), out: whole, seed: 3 },
      hooks: { onMessage: (text, stage) => void messages.push(`${stage}: ${text}`) },
    });
    assert(isFinished);
    for (const part of ["Beside DeepSeek-R1", "refModelSyncSteps"]) {
      assert(readFileSync(report, "utf8").includes(part), part);
    }
    const stops = [
      { stage: "pretrain", step: 7 },
      { stage: "pretrain", step: 12 },
      { stage: "pretrain", step: 15 },
      ...STAGE_NAMES.slice(1).map((stage) => ({ stage, step: 2 })),
    ] as const;
    for (const at of stops) {
      assertEquals(await runTo(broken, at, (stop) => stop.abort()), false, `${at.stage}`);
      assert(!existsSync(join(broken, at.stage, "stage.json")));
      if (at.stage !== "r1_zero") continue;
      // Beyond a checkpoint, which is taken up again.
      const kill = () => {
        throw new Error("killed");
      };
      await assertRejects(
        () => runTo(broken, { stage: "r1_zero", step: 23 }, kill),
        Error,
        "killed",
      );
    }
    assertEquals(await runTo(broken, { stage: "pretrain", step: -1 }, () => {}), true);
    for (const stage of STAGE_NAMES) {
      assertEquals(leftBy(broken, stage), leftBy(whole, stage), stage);
    }
    assert(messages.some((text) => text.includes("is above the gate")), messages.join("\n"));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

Deno.test("recipe: what cannot be is told before or when it happens", async () => {
  const out = mkdtempSync(join(tmpdir(), "aha-recipe-"));
  try {
    const settings = smallSettings();
    const options = { preset: settings, out, seed: 3 };
    await assertRejects(() => runRecipe("r2", options), RangeError, 'recipe is "r2"');
    await assertRejects(() => runRecipe("r1", { ...options, preset: "huge" }), RangeError, "mini");
    await assertRejects(() => runRecipe("r1", { ...options, seed: -1 }), RangeError, "seed is -1");
    await assertRejects(
      () => runRecipe("r1", { ...options, threads: 0 }),
      RangeError,
      "threads is 0",
    );
    const nothing = { ...options, resume: true };
    await assertRejects(() => runRecipe("r1", nothing), Error, "no stage stands there");
    const pretrain = { ...{ steps: 4, restartSteps: 2, mostSteps: 5 }, completionLossLimit: 0.1 };
    const hopeless = { ...options, preset: changedSettings(settings, { pretrain }) };
    const told = "above the gate of 0.1 after all steps";
    await assertRejects(() => runRecipe("pretrain", hopeless), GateError, told);
    assert(readFileSync(join(out, "pretrain/log.txt"), "utf8").includes(told));
    assert(!existsSync(join(out, "lock.json")));
    const again = "Cannot begin in";
    await assertRejects(() => runRecipe("pretrain", hopeless), Error, again);
    const going = { ...options, resume: true };
    await runRecipe("student", going);
    const other = { ...going, seed: 4 };
    await assertRejects(
      () => runRecipe("student", other),
      Error,
      "was made with seed 3, it is 4 now",
    );
    const longer = {
      ...hopeless,
      resume: true,
      preset: changedSettings(settings, { maxTokens: 23 }),
    };
    const otherLength = "The stage pretrain in " + out +
      " was made with maxTokens 24, it is 23 now";
    await assertRejects(() => runRecipe("pretrain", longer), Error, otherLength);
    const votes = { ...going, preset: changedSettings(settings, { evaluation: { samples: 3 } }) };
    const otherVotes = "was made with evaluation.samples 2, it is 3 now";
    await assertRejects(() => runRecipe("student", votes), Error, otherVotes);
  } finally {
    rmSync(out, { recursive: true });
  }
});
